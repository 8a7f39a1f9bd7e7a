package history

// A file of a history is a list of events: an operation is invoked, and later it returns. Both are
// maps with the same names in JSON and EDN, see docs/format/history.md.

// formatVersion is in the first event of every file that we write.
const formatVersion = 1

// Values of "type".
const (
	typeInvoke = "invoke"
	typeInfo   = "info"
)

// Values of "f" that are no operation of a client, and the process that has them.
const (
	fKeys       = "keys"
	fFaultBegin = "fault-begin"
	fFaultEnd   = "fault-end"
	nemesis     = "nemesis"
)

// typeOf is how a file calls an outcome: with Jepsen's word for one that is open.
func typeOf(o Outcome) string {
	if o == Open {
		return typeInfo
	}
	return o.String()
}

func outcomeOf(text string) (Outcome, bool) {
	switch text {
	case "ok":
		return OK, true
	case "fail":
		return Fail, true
	case typeInfo:
		return Open, true
	}
	return Open, false
}

// fOf is the function of a name that a client's event may have.
func fOf(text string) (F, bool) {
	for f := range Fault {
		if fNames[f] == text {
			return f, true
		}
	}
	return 0, false
}
