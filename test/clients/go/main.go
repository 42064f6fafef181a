// Sends 0, 1, 2, ... to partition 0 of a topic, one at a time, until its standard input ends.
//
// Prints a line of JSON for each outcome: {"number":7,"at":1700000000000} or {"number":7,"failed":"..."}.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

type outcome struct {
	Number int    `json:"number"`
	At     int64  `json:"at,omitempty"`
	Failed string `json:"failed,omitempty"`
}

func main() {
	servers, topic := os.Args[1], os.Args[2]
	stopped := make(chan struct{})
	go func() {
		io.Copy(io.Discard, os.Stdin)
		close(stopped)
	}()
	client, err := kgo.NewClient(
		kgo.SeedBrokers(servers),
		// With the default, 5 s, it asks for new brokers up to 6.7 s late.
		kgo.MetadataMinAge(time.Second),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
	)
	if err != nil {
		panic(err)
	}
	for number := 0; ; number++ {
		select {
		case <-stopped:
			return
		case <-time.After(20 * time.Millisecond):
		}
		value := fmt.Sprintf(`{"producer":0,"sender":0,"number":%d}`, number)
		record := &kgo.Record{Topic: topic, Partition: 0, Value: []byte(value)}
		told := outcome{Number: number}
		if err := client.ProduceSync(context.Background(), record).FirstErr(); err != nil {
			told.Failed = err.Error()
		} else {
			told.At = time.Now().UnixMilli()
		}
		line, _ := json.Marshal(told)
		fmt.Println(string(line))
	}
}
