// Goroutines over many threads: channels, select, mutexes, timers, preemption, the collector.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

func sum(numbers <-chan int, total *int64, done *sync.WaitGroup) {
	defer done.Done()
	for n := range numbers {
		atomic.AddInt64(total, int64(n))
	}
}

func main() {
	runtime.GOMAXPROCS(4)
	var total int64
	var done sync.WaitGroup
	numbers := make(chan int)
	for i := 0; i < 100; i++ {
		done.Add(1)
		go sum(numbers, &total, &done)
	}
	for n := 0; n < 10000; n++ {
		numbers <- n
	}
	close(numbers)
	done.Wait()
	fmt.Println("sum", total)

	ring := make(chan int, 1)
	from := ring
	for i := 0; i < 1000; i++ {
		to := make(chan int, 1)
		go func(from, to chan int) { to <- 1 + <-from }(from, to)
		from = to
	}
	ring <- 0
	fmt.Println("chain", <-from)

	var flag int32
	go func() {
		for atomic.LoadInt32(&flag) == 0 { // no call inside: only a signal takes the processor away
		}
		atomic.StoreInt32(&flag, 2)
	}()
	runtime.GC()
	atomic.StoreInt32(&flag, 1)
	for atomic.LoadInt32(&flag) != 2 {
		time.Sleep(time.Millisecond)
	}
	fmt.Println("preempted")

	begin := time.Now()
	select {
	case <-time.After(30 * time.Millisecond):
		fmt.Println("timer", time.Since(begin) >= 30*time.Millisecond)
	case <-make(chan int):
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	<-ctx.Done()
	fmt.Println(ctx.Err())

	tree := map[int][]byte{}
	for i := 0; i < 2000; i++ {
		tree[i%500] = make([]byte, 10000)
	}
	runtime.GC()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	fmt.Println("collections", memory.NumGC > 0, len(tree))

	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR1)
	syscall.Kill(os.Getpid(), syscall.SIGUSR1)
	fmt.Println(<-signals)

	locked := make(chan bool)
	go func() { runtime.LockOSThread(); locked <- syscall.Gettid() != os.Getpid() }()
	<-locked
	defer func() { fmt.Println("recovered:", recover()) }()
	var nothing *int
	fmt.Println(*nothing)
}
