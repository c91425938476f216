#![allow(missing_docs, clippy::print_stdout, clippy::expect_used)]
use memdump_resolve::*;
fn main() {
    let exe = std::path::PathBuf::from(std::env::args().nth(1).expect("exe"));
    let id = BuildId::from_hex(&std::env::args().nth(2).expect("id"));
    let m = LoadedModule {
        path: exe,
        build_id: id,
        bias: 0,
        addresses: 0..1 << 40,
    };
    let sources = [Source::find(m, &Symbols::default())];
    if let Err(why) = sources[0].found() {
        println!("{why}");
        return;
    }
    let sections: Vec<_> = sources.iter().map(Source::sections).collect();
    let program = Program::new(&sections);
    for line in std::io::stdin().lines() {
        let line = line.expect("line");
        let f: Vec<&str> = line.split(' ').collect();
        let (size, align): (u64, u64) = (f[1].parse().expect("n"), f[2].parse().expect("n"));
        let stack: Vec<u64> = f[3..]
            .iter()
            .map(|x| u64::from_str_radix(x, 16).expect("hex"))
            .collect();
        let site = program.site(align, &stack);
        let t = program.block_type(&site, size, align);
        println!(
            "{size} {align} {}",
            t.as_ref().map_or("?".into(), |t| program.name(t))
        );
        if let Some(t) = &t {
            for o in (0..size.min(200)).step_by(8) {
                if let f @ (Field::Pointer { .. } | Field::Unknown) = program.field(t, size, o) {
                    println!("      +{o} {f:?}");
                }
            }
        }
        if t.is_none() || std::env::args().nth(3).is_some() {
            println!("   {site:?}");
            for f in program.function_names(&stack).iter().take(14) {
                println!("      < {f}")
            }
        }
    }
}
