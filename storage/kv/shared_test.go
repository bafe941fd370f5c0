package kv_test

import (
	"testing"

	"github.com/gatehouse-id/gatehouse/storage/kv"
	"github.com/gatehouse-id/gatehouse/storage/kvtest"
)

func TestShared(t *testing.T) {
	kvtest.Run(t, func(t *testing.T) kv.Store { return kv.Share(open(t), "") })
}
