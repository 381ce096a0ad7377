//! How a library is measured: what bench/cpeers/question.cpp is to the others, in the same way.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{mpsc, Barrier, Mutex};
use std::thread::{scope, sleep, yield_now};
use std::time::{Duration, Instant};

use crate::contestant::{Contestant, Library, Task};
use crate::ended::{count_end, wait_for_ends};

const PRODUCERS: usize = 4;
const FORK_NUMBER: u32 = 30;

pub struct Trial {
    pub library: &'static Library,
    pub workers: usize,
    pub amount: usize,
}

// Its workers have started, and sleep again.
fn make(t: &Trial) -> Box<dyn Contestant> {
    let made = (t.library.start)(t.workers);
    made.submit(count_end, 1);
    wait_for_ends(1);
    sleep(Duration::from_millis(20));
    made
}

fn since(start: Instant, count: usize) -> f64 {
    start.elapsed().as_nanos() as f64 / count as f64
}

pub fn outside(t: &Trial) -> Vec<f64> {
    let library = make(t);
    let start = Instant::now();
    library.submit(count_end, t.amount);
    wait_for_ends(1 + t.amount);
    vec![since(start, t.amount)]
}

pub fn outside4(t: &Trial) -> Vec<f64> {
    let library = make(t);
    let each = (t.amount + PRODUCERS - 1) / PRODUCERS;
    let gate = Barrier::new(PRODUCERS + 1);
    scope(|threads| {
        for _ in 0..PRODUCERS {
            threads.spawn(|| {
                gate.wait();
                library.submit(count_end, each);
            });
        }
        sleep(Duration::from_millis(1));
        let start = Instant::now();
        gate.wait();
        wait_for_ends(1 + each * PRODUCERS);
        vec![since(start, each * PRODUCERS)]
    })
}

static SPAWN: Mutex<Option<(fn(Task, usize), usize)>> = Mutex::new(None);

fn spawn_all() {
    let (spawn, count) = SPAWN.lock().unwrap().unwrap();
    spawn(count_end, count);
}

pub fn inside(t: &Trial) -> Vec<f64> {
    let library = make(t);
    *SPAWN.lock().unwrap() = Some((t.library.spawn, t.amount));
    let start = Instant::now();
    library.submit(spawn_all, 1);
    wait_for_ends(1 + t.amount);
    vec![since(start, t.amount)]
}

fn fib_of(n: u32) -> u64 {
    (0..n).fold((0, 1), |(a, b), _| (b, a + b)).0
}

fn spawns_of(n: u32) -> usize {
    fib_of(n + 1) as usize - 1
}

pub fn fork(t: &Trial) -> Vec<f64> {
    let n = (2..=FORK_NUMBER)
        .rev()
        .find(|&n| n == 2 || spawns_of(n) <= t.amount)
        .unwrap();
    let library = make(t);
    let start = Instant::now();
    let result = library.fib(n);
    let cost = since(start, spawns_of(n));
    assert_eq!(result, fib_of(n));
    vec![cost]
}

static WOKEN_AT: Mutex<Option<Instant>> = Mutex::new(None);

pub fn note_time() {
    let now = Instant::now();
    *WOKEN_AT.lock().unwrap() = Some(now);
}

pub fn wait_for_note() -> Instant {
    loop {
        if let Some(time) = WOKEN_AT.lock().unwrap().take() {
            return time;
        }
        sleep(Duration::from_micros(50));
    }
}

pub fn idle(t: &Trial) -> Vec<f64> {
    let library = make(t);
    let mut delays: Vec<f64> = (0..t.amount)
        .map(|_| {
            sleep(Duration::from_millis(1));
            let start = Instant::now();
            library.submit(note_time, 1);
            (wait_for_note() - start).as_nanos() as f64 / 1000.0
        })
        .collect();
    median_and_p99(&mut delays)
}

pub fn median_and_p99(delays: &mut [f64]) -> Vec<f64> {
    delays.sort_by(f64::total_cmp);
    let quantile = |q: f64| delays[(q * (delays.len() - 1) as f64) as usize];
    vec![quantile(0.5), quantile(0.99)]
}

static BEGAN: Mutex<Option<mpsc::Sender<()>>> = Mutex::new(None);

fn tell() {
    BEGAN.lock().unwrap().as_ref().unwrap().send(()).unwrap();
}

pub fn start_stop(t: &Trial) -> Vec<f64> {
    let (sender, began) = mpsc::channel();
    *BEGAN.lock().unwrap() = Some(sender);
    let start = Instant::now();
    for _ in 0..t.amount {
        let library = (t.library.start)(t.workers);
        library.submit(tell, 1);
        began.recv().unwrap();
    }
    vec![since(start, t.amount) / 1000.0]
}

static HELD: AtomicUsize = AtomicUsize::new(0);
static IS_OPEN: AtomicBool = AtomicBool::new(false);

fn hold() {
    HELD.fetch_add(1, SeqCst);
    while !IS_OPEN.load(SeqCst) {
        yield_now();
    }
}

fn resident_bytes() -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<f64>()
        .unwrap()
        * 1024.0
}

pub fn bytes(t: &Trial) -> Vec<f64> {
    let library = (t.library.start)(t.workers);
    let before = resident_bytes();
    library.submit(hold, t.workers);
    while HELD.load(SeqCst) < t.workers {
        sleep(Duration::from_micros(100));
    }
    library.submit(count_end, t.amount);
    let each = (resident_bytes() - before) / t.amount as f64;
    IS_OPEN.store(true, SeqCst);
    wait_for_ends(t.amount);
    vec![each]
}

fn processor_microseconds() -> f64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: it writes to what it is given, which is ours.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
}

pub fn rest(t: &Trial) -> Vec<f64> {
    let library = make(t);
    let before = processor_microseconds();
    sleep(Duration::from_millis(t.amount as u64));
    let spent = processor_microseconds() - before;
    drop(library);
    vec![spent * 1000.0 / t.amount as f64]
}
