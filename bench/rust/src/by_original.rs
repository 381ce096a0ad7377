// Echo in Rust, from which this project has its names: workers that are tasks of a tokio runtime.
use std::sync::RwLock;

use Echo::Scheduler::{Scheduler::Scheduler, SchedulerBuilder::SchedulerBuilder};
use Echo::Task::Priority::Priority;

use crate::contestant::{Contestant, Library, Task};

struct ByOriginal(tokio::runtime::Runtime);

// Where a task finds it, for nothing tells a task whose it is. One at a time.
static SCHEDULER: RwLock<Option<Scheduler>> = RwLock::new(None);

fn start(workers: usize) -> Box<dyn Contestant> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder
        .worker_threads(workers)
        .enable_all()
        .build()
        .unwrap();
    let made = {
        let _inside = runtime.enter();
        SchedulerBuilder::Create().WithWorkerCount(workers).Build()
    };
    *SCHEDULER.write().unwrap() = Some(made);
    Box::new(ByOriginal(runtime))
}

fn submit_at(priority: Priority, function: Task, count: usize) {
    let guard = SCHEDULER.read().unwrap();
    let scheduler = guard.as_ref().unwrap();
    for _ in 0..count {
        scheduler.Submit(async move { function() }, priority);
    }
}

fn spawn(function: Task, count: usize) {
    submit_at(Priority::Normal, function, count);
}

impl Contestant for ByOriginal {
    fn submit(&self, function: Task, count: usize) {
        spawn(function, count);
    }

    fn submit_low(&self, function: Task) {
        submit_at(Priority::Low, function, 1);
    }

    fn submit_high(&self, function: Task) {
        submit_at(Priority::High, function, 1);
    }

    // A worker runs one future to its end before it takes the next: each that waits holds one up.
    fn fib(&self, _: u32) -> u64 {
        panic!("a task of the original cannot wait for another")
    }
}

impl Drop for ByOriginal {
    fn drop(&mut self) {
        let mut stopped = SCHEDULER.write().unwrap().take().unwrap();
        self.0.block_on(stopped.Stop());
    }
}

pub const LIBRARY: Library = Library { start, spawn };
