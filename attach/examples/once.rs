//! Attaches once, without the command around it: `once PID PACKAGE-DIRECTORY DUMP-DIRECTORY [TIMEOUT-SECONDS]`.

use std::time::Duration;

use memdump_attach::{Installation, Patience, Value, attach};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || {
        arguments
            .next()
            .ok_or("PID PACKAGE-DIRECTORY DUMP-DIRECTORY")
    };
    let pid = next()?.parse()?;
    let installation = Installation {
        package: Some(next()?.into()),
        fallback: None,
        arguments: vec![("directory".to_owned(), Value::Path(next()?.into()))],
    };
    let patience = Patience {
        timeout: Duration::from_secs(next().map_or(Ok(10), |seconds| seconds.parse())?),
        wake: None,
        stop: Default::default(),
    };
    let attached = attach(pid, &installation, patience)?;
    eprintln!("held {} us", attached.held.as_micros());
    Ok(())
}
