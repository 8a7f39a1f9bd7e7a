package schema

// Opaque is a record that this package does not take apart: a newer type, a newer version, or one
// whose owner has not been written yet. Its bytes go back out as they came in.
type Opaque struct {
	Type Key
	Body []byte // the message without its frame
}

// Key returns the type as read.
func (o *Opaque) Key() Key { return o.Type }

func (o *Opaque) code(c *coder, _ int16) { c.buf = append(c.buf, o.Body...) } // only ever encoded

// Tag is a tagged field that this package does not know, kept for encoding (KIP-482).
type Tag struct {
	Number uint32
	Data   []byte
}

// Tags are the unknown tagged fields of a message in ascending order of Number.
type Tags []Tag
