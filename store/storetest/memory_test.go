package storetest_test

import (
	"testing"

	"github.com/imglish/imglish/store"
	"github.com/imglish/imglish/store/storetest"
)

func TestMemory(t *testing.T) {
	storetest.Run(t, func(*testing.T) store.Store { return storetest.NewMemory() })
}
