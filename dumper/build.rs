//! Compiles the one file of C: Rust must not call a function that returns twice.

fn main() {
    println!("cargo::rerun-if-changed=src/landing.c");
    cc::Build::new()
        .file("src/landing.c")
        .warnings(true)
        .flag_if_supported("-std=gnu11")
        .compile("memdump_landing");
}
