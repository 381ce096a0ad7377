//! How many tasks have ended: what bench/cpeers/ended.h is to the others.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Mutex;
use std::thread::sleep;
use std::time::Duration;

#[repr(align(64))]
struct Counter(AtomicUsize);

static COUNTERS: Mutex<Vec<&'static Counter>> = Mutex::new(Vec::new());

thread_local! {
    static OWN: Cell<Option<&'static Counter>> = const { Cell::new(None) };
}

// Kept when its thread ends: what it has counted still counts.
fn add_counter() -> &'static Counter {
    let added: &'static Counter = Box::leak(Box::new(Counter(AtomicUsize::new(0))));
    COUNTERS.lock().unwrap().push(added);
    OWN.with(|own| own.set(Some(added)));
    added
}

/// A task that does nothing else.
pub fn count_end() {
    let own = OWN.with(|own| own.get()).unwrap_or_else(add_counter);
    own.0
        .store(own.0.load(Ordering::Relaxed) + 1, Ordering::Release);
}

fn all_ended() -> usize {
    COUNTERS
        .lock()
        .unwrap()
        .iter()
        .map(|each| each.0.load(Ordering::Acquire))
        .sum()
}

/// Sleeps until so many have ended since the process began.
pub fn wait_for_ends(count: usize) {
    while all_ended() < count {
        sleep(Duration::from_micros(100));
    }
}
