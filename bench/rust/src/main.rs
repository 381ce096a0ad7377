//! Answers one question of bench-cpeers for a library in Rust, and prints the values, a line each.
//!
//! Usage: bench-rust LIBRARY QUESTION WORKERS AMOUNT

mod by_rayon;
mod by_tokio;
mod contestant;
mod ended;
mod question;

use question::Trial;

fn read_arguments() -> Option<Vec<f64>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let (library, question, workers, amount) = match words.as_slice() {
        [library, question, workers, amount] => (library, question, workers, amount),
        _ => return None,
    };
    let library = match library.as_str() {
        "rayon" => &by_rayon::LIBRARY,
        "tokio" => &by_tokio::LIBRARY,
        _ => return None,
    };
    let measure = match question.as_str() {
        "outside" => question::outside,
        "outside4" => question::outside4,
        "inside" => question::inside,
        "fork" => question::fork,
        "idle" => question::idle,
        "start" => question::start_stop,
        "bytes" => question::bytes,
        "rest" => question::rest,
        _ => return None,
    };
    let (workers, amount) = (workers.parse().ok()?, amount.parse().ok()?);
    (workers > 0 && amount > 0).then(|| {
        measure(&Trial {
            library,
            workers,
            amount,
        })
    })
}

fn main() {
    let values = read_arguments().unwrap_or_else(|| {
        eprintln!("usage: bench-rust LIBRARY QUESTION WORKERS AMOUNT");
        std::process::exit(2)
    });
    for value in values {
        println!("{value}");
    }
}
