// Package kafkatest runs real Apache Kafka brokers (KRaft, no ZooKeeper) on loopback, for tests, for measurements and
// for `make kafka`.
//
// In: the jars that build/kafka/install.sh fetched (`make setup`). Out: the addresses of brokers that listen, and ways
// to hurt them: Kill, Stop, Pause, Resume, Restart. Start with Start in a test, New elsewhere; Shared gives a test that
// leaves the broker as it was the one broker of its test binary, since a start takes 4 to 9 s. FreePort is for other
// processes that tests start and stop.
//
// Every node is a broker and a controller, keeps its log in a folder of its own, and ends with the process that started
// it, however that ends (on Linux). It does not speak Kafka's protocol itself: readiness is what the broker's log says.
//
// A Cluster's methods may be called from several goroutines, but not two for the same broker at once.
package kafkatest
