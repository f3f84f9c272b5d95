package store_test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/imglish/imglish/store"
	"github.com/imglish/imglish/store/s3test"
)

// What a user sets wrongly is said in one line with a hint, at once, and without a secret.
func TestS3Refusals(t *testing.T) {
	plain, secure := s3test.Start(t), s3test.StartTLS(t)
	other := filepath.Join(t.TempDir(), "other.pem")
	s3test.WriteCA(t, other)
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("not a certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	skewed := plain.Proxy(t)
	skewed.Inject(func(*http.Request) s3test.Fault { return s3test.Skew })
	region := plain.Proxy(t)
	region.Inject(func(*http.Request) s3test.Fault { return s3test.Answer(301, "PermanentRedirect") })
	const wrongSecret = "anotherSECRETdoNOTprint"
	env := func(id, secret string) func(string) string {
		return func(name string) string {
			return map[string]string{"AWS_ACCESS_KEY_ID": id, "AWS_SECRET_ACCESS_KEY": secret}[name]
		}
	}
	right := env(s3test.AccessKey, s3test.SecretKey)
	file := filepath.Join(t.TempDir(), "credentials")
	if err := os.WriteFile(file, fmt.Appendf(nil, "[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n", s3test.AccessKey, s3test.SecretKey), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name        string
		where       string
		env         func(string) string
		wrong, hint string // "" for none
	}{
		{"right", plain.URL("p", ""), right, "", ""},
		{"right over TLS", secure.URL("p", ""), right, "", ""},
		{"credentials file", plain.URL("p", "") + "&credentials_file=" + file, nil, "", ""},
		{"profile that is not there", plain.URL("p", "") + "&profile=none&credentials_file=" + file, nil, "no credentials", "AWS_ACCESS_KEY_ID"},
		{"no environment", plain.URL("p", ""), nil, "no credentials", "AWS_ACCESS_KEY_ID"},
		{"wrong access key", plain.URL("p", ""), env("nobody", s3test.SecretKey), "InvalidAccessKeyId", "AWS_ACCESS_KEY_ID"},
		{"wrong secret", plain.URL("p", ""), env(s3test.AccessKey, wrongSecret), "SignatureDoesNotMatch", "AWS_SECRET_ACCESS_KEY"},
		{"wrong bucket", strings.Replace(plain.URL("p", ""), s3test.Bucket, "no-such-bucket", 1), right, "NoSuchBucket", "make the bucket"},
		{"wrong region", plain.URL("p", "") + "&region=mars-north-1", right, "us-east-1", "set the region"},
		{"moved bucket", plain.URL("p", region.Endpoint), right, "PermanentRedirect", "another region"},
		{"clock", plain.URL("p", skewed.Endpoint), right, "RequestTimeTooSkewed", "set the clock"},
		{"system's authorities only", "s3://" + s3test.Bucket + "/p?endpoint=" + secure.Endpoint, right, "certificate", "ca="},
		{"another authority", "s3://" + s3test.Bucket + "/p?endpoint=" + secure.Endpoint + "&ca=" + other, right, "certificate", "ca="},
		{"no certificate in the file", "s3://" + s3test.Bucket + "/p?endpoint=" + secure.Endpoint + "&ca=" + empty, right, "no PEM certificate", "docs/s3.md"},
		{"https to a plain server", "s3://" + s3test.Bucket + "/p?endpoint=" + strings.Replace(plain.Endpoint, "http:", "https:", 1), right, "HTTP", "use http://"},
		{"http to a TLS server", "s3://" + s3test.Bucket + "/p?endpoint=" + strings.Replace(secure.Endpoint, "https:", "http:", 1), right, "speaks TLS", "use https://"},
		{"no such host", "s3://" + s3test.Bucket + "/p?endpoint=http://host.invalid:9000", right, "host.invalid", "correct the endpoint"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.name == "no such host" {
				var dns *net.DNSError
				if _, err := net.LookupHost("host.invalid"); !errors.As(err, &dns) || !dns.IsNotFound {
					t.Skipf("names are not looked up here as elsewhere: %v", err)
				}
			}
			var opts []store.Option
			if tt.env != nil {
				opts = append(opts, store.WithEnv(tt.env))
			}
			st, err := store.Open(tt.where, opts...)
			if err == nil {
				_, err = st.PutIfAbsent(t.Context(), "k", []byte("x"))
			}
			if tt.hint == "" {
				if err != nil {
					t.Errorf("PutIfAbsent: %v", err)
				}
				return
			}
			var said *store.Error
			if !errors.As(err, &said) || !said.Refused() || said.Outage() {
				t.Fatalf("%v, want an error of a store that refuses", err)
			}
			text := err.Error()
			if !strings.Contains(text, tt.wrong) || !strings.Contains(said.Hint(), tt.hint) || strings.Contains(text, "\n") || len(text) > 300 {
				t.Errorf("%q with hint %q, want one line about %q with a hint about %q", text, said.Hint(), tt.wrong, tt.hint)
			}
			all := fmt.Sprintf("%s %+v %#v %s %+v %#v", text, err, err, said.Hint(), st, st)
			for _, secret := range []string{s3test.SecretKey, wrongSecret} {
				if strings.Contains(all, secret) {
					t.Errorf("a secret is shown: %s", all)
				}
			}
			t.Logf("%s\n  hint: %s", text, said.Hint())
		})
	}
}

// A server that is away is an outage, with notes while the store tries on; when it is back, the same call goes on.
func TestS3Outage(t *testing.T) {
	server := s3test.Start(t)
	patient := func() (st store.Store, notes chan string) {
		notes = make(chan string, 1000)
		return openS3(t, server.URL("p", ""), server, store.WithRetry(10*time.Millisecond, 200*time.Millisecond, 5*time.Minute, time.Minute),
			store.WithNotes(func(text string) { notes <- text })), notes
	}
	st, _ := patient()
	put(t, st, "k", "before")
	server.Stop()
	hasty := openS3(t, server.URL("p", ""), server, store.WithRetry(10*time.Millisecond, 200*time.Millisecond, time.Second, time.Minute))
	_, err := hasty.Get(t.Context(), "k")
	var said *store.Error
	if !errors.As(err, &said) || !said.Outage() || said.Refused() || !strings.Contains(said.Hint(), "start the server") || !strings.Contains(err.Error(), "refused") {
		t.Errorf("a server that is away: %v, want an outage with a hint", err)
	}
	t.Log(err)

	late, notes := patient()
	done := make(chan error, 1)
	go func() {
		_, err := late.PutIfAbsent(t.Context(), "late", []byte("x"))
		done <- err
	}()
	select {
	case note := <-notes:
		if !strings.Contains(note, "trying again") {
			t.Errorf("note %q, want one about trying again", note)
		}
	case err := <-done:
		t.Fatalf("without a note: %v", err)
	}
	server.Restart()
	if err := <-done; err != nil {
		t.Errorf("a call that began while the server was away: %v", err)
	}
	if got, err := st.Get(t.Context(), "k"); err != nil || string(got) != "before" {
		t.Errorf("behind the server's restart: %q, %v", got, err)
	}
}

func put(t testing.TB, st store.Store, key, value string) {
	t.Helper()
	if _, err := st.Put(t.Context(), key, strings.NewReader(value)); err != nil {
		t.Fatal(err)
	}
}

// A server that lists keys in no order would make ranges seem to be missing: it is refused.
func TestS3Unsorted(t *testing.T) {
	server := s3test.Start(t)
	proxy := server.Proxy(t)
	st := openS3(t, server.URL("p", proxy.Endpoint), server)
	put(t, st, "k", "x")
	proxy.Inject(func(*http.Request) s3test.Fault {
		return func(_ *s3test.Proxy, w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, `<ListBucketResult><Name>%s</Name><KeyCount>2</KeyCount><Contents><Key>p/b</Key><Size>1</Size></Contents>`+
				`<Contents><Key>p/a</Key><Size>1</Size></Contents></ListBucketResult>`, s3test.Bucket)
		}
	})
	var last error
	for _, err := range st.List(t.Context(), "") {
		last = err
	}
	var said *store.Error
	if !errors.As(last, &said) || !said.Refused() || !strings.Contains(last.Error(), "order") {
		t.Errorf("List: %v, want a refusal", last)
	}
}

// A token that runs out while a store is in use is named, also where the answer has no body to say so.
func TestS3TokenRunsOut(t *testing.T) {
	server := s3test.Start(t)
	proxy := server.Proxy(t)
	st := openS3(t, server.URL("p", proxy.Endpoint), server)
	put(t, st, "k", "x")
	proxy.Inject(func(*http.Request) s3test.Fault { return s3test.Answer(400, "ExpiredToken") })
	for name, do := range map[string]func() error{
		"stat": func() error { return errOf(st.Stat(t.Context(), "k")) },
		"get":  func() error { return errOf(st.Get(t.Context(), "k")) },
	} {
		var said *store.Error
		if err := do(); !errors.As(err, &said) || !said.Refused() || !strings.Contains(err.Error(), "ExpiredToken") || !strings.Contains(said.Hint(), "AWS_SESSION_TOKEN") {
			t.Errorf("%s: %v, want a refusal that names the token", name, err)
		}
	}
}
