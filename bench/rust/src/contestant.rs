//! A library at work, as in bench/cpeers/contestant.h.

pub type Task = fn();

pub trait Contestant: Sync {
    /// Queues so many calls one by one, each a task that nobody waits for. Outside of tasks.
    fn submit(&self, function: Task, count: usize);

    /// The Fibonacci number: each call spawns one of its two calls and waits for it. From outside.
    fn fib(&self, n: u32) -> u64;

    /// Queues one call of low priority, and of high: of those alone that have priorities. Outside of tasks.
    fn submit_low(&self, _: Task) {
        panic!("it knows no priorities")
    }
    fn submit_high(&self, _: Task) {
        panic!("it knows no priorities")
    }
}

/// How a pool of so many workers is started, and how a task of it queues others.
pub struct Library {
    pub start: fn(usize) -> Box<dyn Contestant>,
    pub spawn: fn(Task, usize),
}
