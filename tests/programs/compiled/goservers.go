// Servers and clients over TCP of both families, UDP and sockets with names; children; files.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"syscall"
	"time"
)

func check(err error) {
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
}

func echo(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			lines := bufio.NewScanner(conn)
			for lines.Scan() {
				fmt.Fprintln(conn, strings.ToUpper(lines.Text()))
			}
		}()
	}
}

func main() {
	check(os.Chdir(os.Args[1]))
	for _, where := range [][2]string{{"tcp4", "127.0.0.1:0"}, {"tcp6", "[::1]:0"}, {"unix", "name"}} {
		listener, err := net.Listen(where[0], where[1])
		check(err)
		go echo(listener)
		var all sync.WaitGroup
		answers := make([]string, 20)
		for n := range answers {
			all.Add(1)
			go func(n int) {
				defer all.Done()
				conn, err := net.Dial(where[0], listener.Addr().String())
				check(err)
				defer conn.Close()
				fmt.Fprintf(conn, "line %d\n", n)
				answers[n], _ = bufio.NewReader(conn).ReadString('\n')
			}(n)
		}
		all.Wait()
		fmt.Println(where[0], len(answers), strings.TrimSpace(answers[7]))
		conn, err := net.Dial(where[0], listener.Addr().String())
		check(err)
		conn.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		_, err = conn.Read(make([]byte, 1))
		fmt.Println(errors.Is(err, os.ErrDeadlineExceeded))
		conn.Close()
		listener.Close()
		_, err = net.Dial(where[0], listener.Addr().String())
		fmt.Println(errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOENT))
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %d", r.Method, r.URL.Path, len(body))
	}))
	for n := 0; n < 5; n++ {
		reply, err := http.Post(server.URL+"/path", "text/plain", strings.NewReader(strings.Repeat("x", 100000*n)))
		check(err)
		body, _ := io.ReadAll(reply.Body)
		reply.Body.Close()
		fmt.Println(reply.StatusCode, string(body))
	}
	server.Close()
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	check(err)
	sender, err := net.Dial("udp", packets.LocalAddr().String())
	check(err)
	sender.Write([]byte("datagram"))
	buffer := make([]byte, 100)
	n, from, err := packets.ReadFrom(buffer)
	fmt.Println(string(buffer[:n]), from.Network(), err)

	out, err := exec.Command("sh", "-c", "echo child; exit 3").Output()
	fmt.Printf("%q %v\n", out, err)
	cat := exec.Command("cat")
	cat.Stdin = strings.NewReader(strings.Repeat("y", 200000))
	out, err = cat.Output()
	fmt.Println(len(out), err)
	sleeper := exec.Command("sleep", "60")
	check(sleeper.Start())
	sleeper.Process.Kill()
	fmt.Println(sleeper.Wait())

	for n := 0; n < 50; n++ {
		check(os.MkdirAll(fmt.Sprintf("d/%d", n%5), 0o755))
		check(os.WriteFile(fmt.Sprintf("d/%d/f%d", n%5, n), []byte("x"), 0o600))
	}
	var names []string
	filepath.Walk("d", func(path string, info os.FileInfo, err error) error {
		names = append(names, path)
		return err
	})
	sort.Strings(names)
	fmt.Println(len(names), names[10])
	_, err = os.ReadFile("nobody")
	fmt.Println(err, os.RemoveAll("d"))
	interfaces, err := net.Interfaces()
	check(err)
	for _, one := range interfaces {
		if one.Name == "lo" {
			fmt.Println(one.Name, one.Flags&net.FlagLoopback != 0)
		}
	}
}
