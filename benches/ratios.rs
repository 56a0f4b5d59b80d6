//! Benchmarks as ratios against a rival measured in the same run.

fn main() {}
