//! Answers one question of bench-cpeers for a library in Rust, and prints the values, a line each.
//!
//! Usage: bench-rust LIBRARY QUESTION WORKERS AMOUNT
//!
//! It is built twice: with rayon and tokio, and once more with Echo's original alone (original.cmake), which
//! brings a tokio of its own.

#[cfg(feature = "original")]
mod by_original;
#[cfg(not(feature = "original"))]
mod by_rayon;
#[cfg(not(feature = "original"))]
mod by_tokio;
mod contestant;
mod ended;
mod question;
mod urgent;

use question::Trial;

fn library_of(name: &str) -> Option<&'static contestant::Library> {
    match name {
        #[cfg(feature = "original")]
        "original" => Some(&by_original::LIBRARY),
        #[cfg(not(feature = "original"))]
        "rayon" => Some(&by_rayon::LIBRARY),
        #[cfg(not(feature = "original"))]
        "tokio" => Some(&by_tokio::LIBRARY),
        _ => None,
    }
}

fn read_arguments() -> Option<Vec<f64>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let (library, question, workers, amount) = match words.as_slice() {
        [library, question, workers, amount] => (library, question, workers, amount),
        _ => return None,
    };
    let library = library_of(library)?;
    let measure = match question.as_str() {
        "outside" => question::outside,
        "outside4" => question::outside4,
        "inside" => question::inside,
        "fork" => question::fork,
        "idle" => question::idle,
        "start" => question::start_stop,
        "bytes" => question::bytes,
        "rest" => question::rest,
        "urgent" => urgent::urgent,
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
