package data

import "io"

// collector is a network.Writer that keeps everything.
type collector struct{ bytes []byte }

func (c *collector) Write(p []byte) (int, error) {
	c.bytes = append(c.bytes, p...)
	return len(p), nil
}

func (c *collector) SendFile(src io.ReaderAt, off, n int64) error {
	p := make([]byte, n)
	_, err := src.ReadAt(p, off)
	c.bytes = append(c.bytes, p...)
	return err
}
