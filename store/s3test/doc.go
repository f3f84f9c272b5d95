// Package s3test starts a real S3 server for a test: versitygw over a folder of the test's own, on loopback.
//
// Start with Start, or StartTLS for one with a certificate of a private authority. Server says how to reach it; Proxy
// stands in front of it and does to requests and answers what networks do. build/s3/install.sh builds the server; a
// test skips where it is missing. One server may serve many tests, each under a prefix of its own.
package s3test
