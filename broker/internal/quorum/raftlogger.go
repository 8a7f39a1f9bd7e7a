package quorum

import (
	"context"
	"fmt"
	"log/slog"
)

// raftLogger turns raft's own log lines into slog's. Elections and the like, which raft calls
// info, are debug here: what matters of them is told through Machine.Lead.
type raftLogger struct{ lg *slog.Logger }

func (l raftLogger) log(level slog.Level, v []any) {
	if l.lg.Enabled(context.Background(), level) {
		l.lg.Log(context.Background(), level, "raft", "text", fmt.Sprint(v...))
	}
}

func (l raftLogger) logf(level slog.Level, format string, v []any) {
	if l.lg.Enabled(context.Background(), level) {
		l.lg.Log(context.Background(), level, "raft", "text", fmt.Sprintf(format, v...))
	}
}

func (l raftLogger) Debug(v ...any)                   { l.log(slog.LevelDebug, v) }
func (l raftLogger) Debugf(format string, v ...any)   { l.logf(slog.LevelDebug, format, v) }
func (l raftLogger) Info(v ...any)                    { l.log(slog.LevelDebug, v) }
func (l raftLogger) Infof(format string, v ...any)    { l.logf(slog.LevelDebug, format, v) }
func (l raftLogger) Warning(v ...any)                 { l.log(slog.LevelInfo, v) }
func (l raftLogger) Warningf(format string, v ...any) { l.logf(slog.LevelInfo, format, v) }
func (l raftLogger) Error(v ...any)                   { l.log(slog.LevelError, v) }
func (l raftLogger) Errorf(format string, v ...any)   { l.logf(slog.LevelError, format, v) }

// Fatal and Panic are how raft stops on a broken invariant; Core turns the panic into an error if
// its own log failed underneath.
func (l raftLogger) Fatal(v ...any)                 { panic("BUG: raft: " + fmt.Sprint(v...)) }
func (l raftLogger) Fatalf(format string, v ...any) { panic("BUG: raft: " + fmt.Sprintf(format, v...)) }
func (l raftLogger) Panic(v ...any)                 { panic("BUG: raft: " + fmt.Sprint(v...)) }
func (l raftLogger) Panicf(format string, v ...any) { panic("BUG: raft: " + fmt.Sprintf(format, v...)) }
