package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
)

// behaviour is how the containers of one image behave.
type behaviour struct {
	// SuccessPct is the share of the requests answered with 200, in percent; ErrorStatus is the status of the others.
	SuccessPct  float64 `json:"success_pct"`
	ErrorStatus int     `json:"error_status"`
	// LatencyMS is how long half of the answers take at most, in milliseconds.
	LatencyMS float64 `json:"latency_ms"`
	// ReadyS is how many seconds a container needs to become ready.
	ReadyS float64 `json:"ready_s"`
	// Fate is "", "missing", "crashes" or "never-ready".
	Fate string `json:"fate"`
}

func healthy() behaviour { return behaviour{SuccessPct: 100, ErrorStatus: 500, LatencyMS: 1} }

// configPrefix begins the names of behaviours that go by what a pod's ConfigMaps say, and not by its image.
const configPrefix = "config "

// behaviours are read from a file again whenever it changes: a JSON object from images to what differs from healthy; and
// from "config WORD" to how pods behave, whatever their image, with this word in a ConfigMap.
type behaviours struct {
	path string

	mu      sync.Mutex
	read    time.Time
	byImage map[string]behaviour
	byWord  map[string]behaviour
}

func newBehaviours(path string) *behaviours { return &behaviours{path: path} }

// of is how a container of this image behaves, in a pod whose ConfigMaps say this.
func (b *behaviours) of(image, config string) behaviour {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refresh()
	for word, found := range b.byWord {
		if strings.Contains(config, word) {
			return found
		}
	}
	if found, ok := b.byImage[image]; ok {
		return found
	}
	return healthy()
}

func (b *behaviours) refresh() {
	info, err := os.Stat(b.path)
	if b.path == "" || err != nil || info.ModTime().Equal(b.read) {
		return
	}
	var raw map[string]json.RawMessage
	text, err := os.ReadFile(b.path)
	if err == nil {
		err = json.Unmarshal(text, &raw)
	}
	byImage, byWord := map[string]behaviour{}, map[string]behaviour{}
	for image, one := range raw {
		decoded := healthy()
		if err == nil {
			err = json.Unmarshal(one, &decoded)
		}
		if word, isWord := strings.CutPrefix(image, configPrefix); isWord {
			byWord[word] = decoded
		} else {
			byImage[image] = decoded
		}
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "kubelite: %s: %v\n", b.path, err)
		return
	}
	b.byImage, b.byWord, b.read = byImage, byWord, info.ModTime()
}
