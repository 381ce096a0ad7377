use std::future::Future;
use std::pin::Pin;

use crate::contestant::{Contestant, Library, Task};

struct ByTokio(tokio::runtime::Runtime);

fn fib(n: u32) -> Pin<Box<dyn Future<Output = u64> + Send>> {
    Box::pin(async move {
        if n < 2 {
            return n.into();
        }
        let first = tokio::spawn(fib(n - 1));
        let second = fib(n - 2).await;
        first.await.unwrap() + second
    })
}

fn start(workers: usize) -> Box<dyn Contestant> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    Box::new(ByTokio(builder.worker_threads(workers).build().unwrap()))
}

fn spawn(function: Task, count: usize) {
    for _ in 0..count {
        tokio::spawn(async move { function() });
    }
}

impl Contestant for ByTokio {
    fn submit(&self, function: Task, count: usize) {
        for _ in 0..count {
            self.0.spawn(async move { function() });
        }
    }

    fn fib(&self, n: u32) -> u64 {
        self.0.block_on(self.0.spawn(fib(n))).unwrap()
    }
}

pub const LIBRARY: Library = Library { start, spawn };
