package doctor

import "fmt"

// State is how bad a finding is.
type State string

// States.
const (
	OK      State = "ok"
	Warning State = "warning"
	Failed  State = "failed"
)

// Finding is what one check has found.
type Finding struct {
	Check  string
	State  State
	Found  string
	Remedy string // for everything that is not ok
}

func ok(check, format string, args ...any) Finding {
	return Finding{Check: check, State: OK, Found: fmt.Sprintf(format, args...)}
}

func warn(check, remedy, format string, args ...any) Finding {
	return Finding{check, Warning, fmt.Sprintf(format, args...), remedy}
}

func fail(check, remedy, format string, args ...any) Finding {
	return Finding{check, Failed, fmt.Sprintf(format, args...), remedy}
}

// Worst is the worst state of some findings.
func Worst(list []Finding) State {
	worst := OK
	for _, f := range list {
		if f.State == Failed || f.State == Warning && worst == OK {
			worst = f.State
		}
	}
	return worst
}
