# Threads, queues and condition variables; sockets, processes and time-outs beside them.
require "socket"
require "timeout"
require "monitor"
Dir.chdir(ARGV[0])
sum, mutex = 0, Mutex.new
10.times.map { |n| Thread.new { 100.times { mutex.synchronize { sum += n } } } }.each(&:join)
puts sum
queue, results = SizedQueue.new(4), Queue.new
workers = 4.times.map { Thread.new { while (n = queue.pop) do results << n * n end } }
100.times { |n| queue << n }
4.times { queue << nil }
workers.each(&:join)
puts 100.times.sum { results.pop }
ready, done = ConditionVariable.new, false
waiter = Thread.new { mutex.synchronize { ready.wait(mutex) until done; :woken } }
mutex.synchronize { done = true; ready.broadcast }
p waiter.value, Thread.new { Thread.current[:x] = 1; Thread.current[:x] }.value
begin
  Timeout.timeout(0.1) { sleep 60 }
rescue Timeout::Error => error
  puts error.class
end
server = UNIXServer.new("s")
serving = Thread.new { 3.times { c = server.accept; c.puts c.gets.upcase; c.close } }
puts(3.times.map { |n| UNIXSocket.open("s") { |c| c.puts "line #{n}"; c.gets } })
serving.join
a, b = UNIXSocket.pair
a.write "pair"
p b.readpartial(10), IO.select([b], [a], nil, 0)[1].size
r, w = IO.pipe
a.send_io(w)
w.close
b.recv_io.tap { |io| io.write "passed"; io.close }
p r.read
pid = fork { Thread.new { exit!(7) }.join }
Process.wait(pid)
p $?.exitstatus
failing = Thread.new { Thread.current.report_on_exception = false; raise ArgumentError, "inside" }
begin
  failing.join
rescue => error
  p error
end
killed = Thread.new { sleep }
killed.kill.join
p killed.alive?, Thread.list.size
trap("USR1") { puts "signal" }
Process.kill("USR1", Process.pid)
sleep 0.05
p Thread.new { `echo child` }.value
