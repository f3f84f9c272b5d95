package kafkatest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Libs is the folder of Kafka's jars: IMGLISH_KAFKA_LIBS, or .cache/kafka/libs of the module that the working folder
// lies in.
func Libs() (string, error) {
	if dir := os.Getenv("IMGLISH_KAFKA_LIBS"); dir != "" {
		return dir, nil
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(dir, ".cache", "kafka", "libs"), nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("no go.mod above the working folder: set IMGLISH_KAFKA_LIBS to the folder of Kafka's jars")
		}
		dir = up
	}
}

// Missing says what a broker cannot be started for, or nil.
func Missing() error {
	if _, err := exec.LookPath(java()); err != nil {
		return fmt.Errorf("no Java, which Apache Kafka runs on: install Java 17 and Maven, then run `make setup`")
	}
	libs, err := Libs()
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(libs, "stamp")); err != nil {
		return fmt.Errorf("no Apache Kafka in %s: run `make setup`", libs)
	}
	return nil
}

func java() string {
	if home := os.Getenv("JAVA_HOME"); home != "" {
		return filepath.Join(home, "bin", "java")
	}
	return "java"
}

// Java is a command that runs a class of Kafka's jars, such as org.apache.kafka.clients.producer programs of a
// measurement. flags are for the JVM; "-cp" is set.
func Java(flags []string, class string, args ...string) (*exec.Cmd, error) {
	libs, err := Libs()
	if err != nil {
		return nil, err
	}
	all := append(append([]string{}, flags...), "-cp", filepath.Join(libs, "*"), class)
	return exec.Command(java(), append(all, args...)...), nil
}
