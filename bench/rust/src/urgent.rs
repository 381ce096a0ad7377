//! How soon does an urgent task start among many that are not: what bench/urgent.cpp asks the others.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::contestant::Contestant;
use crate::question::{median_and_p99, note_time, wait_for_note, Trial};

const LOW_TIME: Duration = Duration::from_micros(20);

static LOWS_LEFT: AtomicUsize = AtomicUsize::new(0);

fn low() {
    let start = Instant::now();
    while start.elapsed() < LOW_TIME {}
    LOWS_LEFT.fetch_sub(1, SeqCst);
}

fn sample(library: &dyn Contestant) -> f64 {
    sleep(Duration::from_millis(1));
    let start = Instant::now();
    library.submit_high(note_time);
    (wait_for_note() - start).as_nanos() as f64 / 1000.0
}

pub fn urgent(t: &Trial) -> Vec<f64> {
    let library = (t.library.start)(t.workers);
    LOWS_LEFT.store(t.amount, SeqCst);
    for _ in 0..t.amount {
        library.submit_low(low);
    }
    let mut delays = Vec::new();
    while LOWS_LEFT.load(SeqCst) > t.amount / 20 {
        delays.push(sample(library.as_ref()));
    }
    while LOWS_LEFT.load(SeqCst) > 0 {
        sleep(Duration::from_millis(1));
    }
    median_and_p99(&mut delays)
}
