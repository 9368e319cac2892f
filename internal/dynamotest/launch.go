package dynamotest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"time"
)

// startTime is how long DynamoDB Local may take until it answers.
const startTime = 60 * time.Second

// keeper runs its arguments as a command and kills it, by its process id, when its own standard input ends. The test
// binary holds the other end of that pipe, and the kernel closes it however the binary ends: returned, panicked or
// killed.
const keeper = `exec 3<&0
"$@" </dev/null 3<&- &
child=$!
(cat <&3 >/dev/null; kill -9 $child 2>/dev/null) &
wait $child`

// launch starts DynamoDB Local on a free port and returns when it answers.
func launch() (*Server, error) {
	java, dir, err := locate()
	if err != nil {
		return nil, err
	}
	// Another process may take the port before Java does; then Java ends, and another port is tried.
	for range 3 {
		var s *Server
		if s, err = start(java, dir); err == nil {
			return s, nil
		}
	}
	return nil, err
}

func start(java, dir string) (*Server, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("sh", "-c", keeper, "sh", java, //#nosec G204 -- the arguments are this package's own
		"-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m",
		"-Djava.library.path="+dir+"/DynamoDBLocal_lib", "-jar", dir+"/DynamoDBLocal.jar",
		"-inMemory", "-sharedDb", "-disableTelemetry", "-port", strconv.Itoa(port))
	cmd.Dir = os.TempDir()
	leash, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // it ends by being killed
		close(ended)
	}()
	s := &Server{URL: fmt.Sprintf("http://127.0.0.1:%d", port), stop: func() {
		_ = leash.Close()
		<-ended
	}}
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	poll := time.NewTicker(50 * time.Millisecond)
	defer poll.Stop()
	for {
		select {
		case <-ctx.Done():
			s.stop()
			return nil, errors.New("dynamotest: DynamoDB Local does not answer")
		case <-ended:
			return nil, errors.New("dynamotest: DynamoDB Local ended at once")
		case <-poll.C:
			if answers(ctx, s.URL) {
				return s, nil
			}
		}
	}
}

// answers reports whether it is DynamoDB that answers there: unsigned requests get its 400.
func answers(ctx context.Context, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusBadRequest && resp.Header.Get("X-Amzn-RequestId") != ""
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
