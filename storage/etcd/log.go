package etcd

import (
	"slices"
	"sync/atomic"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// logger returns lg, or one that writes only errors: etcd is talkative.
func logger(lg *zap.Logger) *zap.Logger {
	if lg != nil {
		return lg
	}
	config := zap.NewProductionConfig()
	config.Level = zap.NewAtomicLevelAt(zap.ErrorLevel)
	config.DisableStacktrace = true
	lg, err := config.Build()
	if err != nil {
		return zap.NewNop()
	}
	return lg
}

// alarmist are messages that etcd logs as errors when nothing is wrong.
var alarmist = []string{
	"failed to update storage version",     // at the first start, until the first snapshot; it tries again
	"unexpected error during readonly txn", // a caller gave up waiting
}

// calm drops what etcd reports without need, and all but fatal errors once the
// server is closing: its listeners call their end a failure.
func calm(lg *zap.Logger, closing *atomic.Bool) *zap.Logger {
	return lg.WithOptions(zap.WrapCore(func(core zapcore.Core) zapcore.Core { return calmCore{core, closing} }))
}

type calmCore struct {
	zapcore.Core
	closing *atomic.Bool
}

func (c calmCore) With(fields []zapcore.Field) zapcore.Core {
	return calmCore{c.Core.With(fields), c.closing}
}

func (c calmCore) Check(e zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if e.Level <= zapcore.ErrorLevel && (c.closing.Load() || slices.Contains(alarmist, e.Message)) {
		return checked
	}
	return c.Core.Check(e, checked)
}
