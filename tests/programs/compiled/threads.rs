// Threads, channels, locks, scoped threads, sockets, children and a panic in a thread.
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{mpsc, Arc, Barrier, Condvar, Mutex, RwLock};
use std::thread;
use std::time::{Duration, Instant};

fn serve<S: Read + Write>(stream: S) {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    while reader.read_line(&mut line).unwrap_or(0) > 0 {
        let answer = line.to_uppercase();
        if reader.get_mut().write_all(answer.as_bytes()).is_err() {
            break;
        }
        line.clear();
    }
}

fn main() {
    let folder = std::env::args().nth(1).unwrap();
    std::env::set_current_dir(&folder).unwrap();
    let counter = Arc::new(Mutex::new(0u64));
    let threads: Vec<_> = (0..16)
        .map(|n| {
            let counter = counter.clone();
            thread::Builder::new().name(format!("worker-{}", n)).spawn(move || {
                for _ in 0..1000 {
                    *counter.lock().unwrap() += n;
                }
                thread::current().name().unwrap().len()
            }).unwrap()
        })
        .collect();
    let names: usize = threads.into_iter().map(|t| t.join().unwrap()).sum();
    println!("{} {}", counter.lock().unwrap(), names);

    let (send, receive) = mpsc::sync_channel(4);
    for n in 0..8 {
        let send = send.clone();
        thread::spawn(move || (0..100).for_each(|i| send.send(n * i).unwrap()));
    }
    drop(send);
    println!("{}", receive.iter().sum::<i32>());

    let found = AtomicUsize::new(0);
    let barrier = Barrier::new(6);
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                found.fetch_add(1, Ordering::SeqCst);
                if barrier.wait().is_leader() {
                    println!("{} at the barrier", found.load(Ordering::SeqCst));
                }
            });
        }
    });
    let pair = (Mutex::new(false), Condvar::new());
    let begin = Instant::now();
    let guard = pair.0.lock().unwrap();
    let (_, late) = pair.1.wait_timeout(guard, Duration::from_millis(30)).unwrap();
    println!("{} {}", late.timed_out(), begin.elapsed() >= Duration::from_millis(30));
    let table = RwLock::new(HashMap::new());
    thread::scope(|scope| {
        for n in 0..4 {
            let table = &table;
            scope.spawn(move || (0..50).for_each(|i| { table.write().unwrap().insert(i * 4 + n, n); }));
        }
    });
    println!("{}", table.read().unwrap().len());
    std::panic::set_hook(Box::new(|_| ()));
    println!("{}", thread::spawn(|| { if true { panic!("inside") } }).join().is_err());
    thread::park_timeout(Duration::from_millis(5));

    for host in ["127.0.0.1:0", "[::1]:0"] {
        let listener = TcpListener::bind(host).unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            for stream in listener.incoming().take(10) {
                let stream = stream.unwrap();
                thread::spawn(move || serve(stream));
            }
        });
        let mut length = 0;
        for n in 0..10 {
            let mut client = TcpStream::connect(address).unwrap();
            writeln!(client, "line {}", n).unwrap();
            client.shutdown(Shutdown::Write).unwrap();
            let mut text = String::new();
            client.read_to_string(&mut text).unwrap();
            length += text.len();
        }
        server.join().unwrap();
        println!("{} {:?}", length, TcpStream::connect(address).map(|_| ()).map_err(|e| e.kind()));
    }
    let listener = UnixListener::bind("name").unwrap();
    let server = thread::spawn(move || serve(listener.accept().unwrap().0));
    let mut client = UnixStream::connect("name").unwrap();
    client.write_all(b"named\n").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let mut text = String::new();
    client.read_to_string(&mut text).unwrap();
    server.join().unwrap();
    print!("{}", text);
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    udp.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    udp.send_to(b"datagram", udp.local_addr().unwrap()).unwrap();
    let mut buffer = [0; 20];
    println!("{:?}", udp.recv(&mut buffer));
    println!("{:?}", udp.recv(&mut buffer).map_err(|e| e.kind()));

    let out = Command::new("sh").args(["-c", "echo child; exit 3"]).output().unwrap();
    println!("{:?} {:?}", String::from_utf8_lossy(&out.stdout), out.status.code());
    let mut cat = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = cat.stdin.take().unwrap();
    let writer = thread::spawn(move || input.write_all(&vec![b'x'; 200_000]).unwrap());
    let mut all = Vec::new();
    cat.stdout.take().unwrap().read_to_end(&mut all).unwrap();
    writer.join().unwrap();
    println!("{} {}", all.len(), cat.wait().unwrap());
    let mut sleeper = Command::new("sleep").arg("60").spawn().unwrap();
    sleeper.kill().unwrap();
    println!("{}", sleeper.wait().unwrap());
    println!("{:?}", Command::new("/nobody").spawn().map(|_| ()).map_err(|e| e.kind()));
}
