package drive

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// childEnv makes the test binary a server instead: it holds the data directory of a toy.
const childEnv = "DRIVE_TEST_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		os.Exit(runChild(Start(Config{Node: 1, Boot: bootToy(1), Dir: dir, ClientListen: "127.0.0.1:0"})))
	}
	if spec := os.Getenv(brokerEnv); spec != "" {
		os.Exit(brokerChild(spec))
	}
	os.Exit(m.Run())
}

// runChild serves until it is killed, fails, or its parent is gone.
func runChild(s *Server, err error) int {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(s.Addr())
	go func() {
		<-s.Failed()
		fmt.Fprintln(os.Stderr, s.Stop())
		os.Exit(1)
	}()
	bufio.NewReader(os.Stdin).ReadByte() // until the parent closes it
	s.Stop()
	return 0
}

// spawn starts this test binary as a child with the given environment and returns its first
// line of output. It is killed with the test.
func spawn(t testing.TB, env ...string) (cmd *exec.Cmd, first string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd = exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = os.Stderr
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		in.Close()
		cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the child said %q: %v", line, err)
	}
	return cmd, strings.TrimSpace(line)
}

func TestWhatWasSyncedBeforeAKillIsThereAfterwards(t *testing.T) {
	dir := t.TempDir()
	stored := 0
	for range 5 {
		cmd, addr := spawn(t, childEnv+"="+dir)
		u := dialUser(t, addr)
		for range 100 {
			u.say("store deep/log line %d", stored)
			if got, want := u.line(), fmt.Sprintf("stored line %d <nil>", stored); got != want {
				t.Fatalf("got %q, want %q", got, want)
			}
			stored++
		}
		u.say("store deep/log line %d", stored) // perhaps, perhaps not
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		cmd.Wait()
		b, err := os.ReadFile(filepath.Join(dir, "deep", "log"))
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
		if len(lines) < stored || len(lines) > stored+1 {
			t.Fatalf("%d lines survived, %d were acknowledged", len(lines), stored)
		}
		for i, l := range lines {
			if l != "line "+itoa(i) {
				t.Fatalf("line %d is %q", i, l)
			}
		}
		stored = len(lines)
	}
}
