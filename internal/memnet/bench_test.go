package memnet

import (
	"context"
	"fmt"
	"io"
	"net"
	"testing"
)

// BenchmarkEcho sends a message and waits for it to come back, on a perfect network in real time.
func BenchmarkEcho(b *testing.B) {
	for _, size := range []int{100, 16 << 10} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			n := New(1)
			l, err := n.Listen("server:1")
			if err != nil {
				b.Fatal(err)
			}
			defer l.Close()
			done := make(chan struct{})
			go func() {
				defer close(done)
				s, err := l.Accept()
				if err != nil {
					return
				}
				defer s.Close()
				echo(s, size)
			}()
			c, err := n.Dial(context.Background(), "client", "server:1")
			if err != nil {
				b.Fatal(err)
			}
			p := make([]byte, size)
			b.SetBytes(int64(2 * size))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Write(p); err != nil {
					b.Fatal(err)
				}
				if _, err := io.ReadFull(c, p); err != nil {
					b.Fatal(err)
				}
			}
			c.Close()
			<-done
		})
	}
}

func echo(s net.Conn, size int) {
	p := make([]byte, size)
	for {
		if _, err := io.ReadFull(s, p); err != nil {
			return
		}
		if _, err := s.Write(p); err != nil {
			return
		}
	}
}
