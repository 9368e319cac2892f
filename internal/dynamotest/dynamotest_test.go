package dynamotest_test

import (
	"bufio"
	"context"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"keyfob/internal/dynamotest"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

func TestClientReachesDynamoDBLocal(t *testing.T) {
	if _, err := dynamotest.Client(t).ListTables(t.Context(), &dynamodb.ListTablesInput{}); err != nil {
		t.Fatal(err)
	}
}

func TestAServerOfItsOwnEndsWithTheTest(t *testing.T) {
	shared := dynamotest.Shared(t)
	var own *dynamotest.Server
	t.Run("Test", func(t *testing.T) {
		own = dynamotest.New(t)
		if _, err := own.Client().ListTables(t.Context(), &dynamodb.ListTablesInput{}); err != nil {
			t.Fatal(err)
		}
	})
	if conn, err := net.Dial("tcp", strings.TrimPrefix(own.URL, "http://")); err == nil {
		conn.Close()
		t.Error("it still listens")
	}
	if own.URL == shared.URL {
		t.Error("it was the shared one")
	}
}

func TestTableNamesAreFresh(t *testing.T) {
	if a, b := dynamotest.TableName(), dynamotest.TableName(); a == b {
		t.Errorf("two tests would share the table %s", a)
	}
}

// child is the environment variable that makes this test binary start DynamoDB Local, say where, and wait.
const child = "DYNAMOTEST_CHILD"

func TestDynamoDBLocalDiesWithAKilledTestBinary(t *testing.T) {
	if os.Getenv(child) != "" {
		os.Stdout.WriteString("endpoint " + dynamotest.Shared(t).URL + "\n")
		<-t.Context().Done()
		return
	}
	dynamotest.Shared(t) // skips where there is none
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), child+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	var addr string
	for addr == "" && lines.Scan() {
		_, addr, _ = strings.Cut(lines.Text(), "endpoint http://")
	}
	if addr == "" {
		t.Fatal("the child did not start DynamoDB Local")
	}
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	// The kernel closes the connection when the Java process is gone. A living one would close it too, but only
	// after it was idle for 30 seconds.
	if err := conn.SetReadDeadline(time.Now().Add(15 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); os.IsTimeout(err) {
		t.Error("DynamoDB Local lives on")
	}
}

func TestWithoutTheProgramATestIsSkippedAndFailsInCI(t *testing.T) {
	if os.Getenv(child) != "" {
		dynamotest.Shared(t)
		return
	}
	for ci, want := range map[string]string{"": "--- SKIP", "true": "--- FAIL"} {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.v", "-test.run=^"+t.Name()+"$")
		cmd.Env = append(os.Environ(), child+"=1", "DYNAMODB_LOCAL_DIR="+t.TempDir(), "CI="+ci)
		out, _ := cmd.CombinedOutput()
		if !strings.Contains(string(out), want) || !strings.Contains(string(out), "npm ci --ignore-scripts --prefix .ci") && !strings.Contains(string(out), "Java") {
			t.Errorf("CI=%q: want %s and what to install:\n%s", ci, want, out)
		}
	}
}
