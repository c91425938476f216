//! What the target is made to run.
//!
//! Two programs. The *call* is short, for it must fit behind a segment; it runs wherever the interpreter happens to be, perhaps in the main
//! thread with locks of the application held, so it only starts a thread. The *errand* runs in that thread, where no signal handler of
//! the application can interrupt it and no lock of the interrupted code is held; it imports memdump, installs it, and writes down
//! what became of it. `sys.path` and `__main__` stay as they are.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The value of an argument of `memdump.install`.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A string.
    Text(String),
    /// A path, which need not be text.
    Path(PathBuf),
    /// A number without fraction.
    Integer(u64),
    /// A number of seconds.
    Seconds(f64),
    /// True or false.
    Flag(bool),
}

/// What to import, and how to call it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Installation {
    /// The directory that has the package `memdump` in it. Without it, the target's own.
    pub package: Option<PathBuf>,
    /// Where to look if the target has none of its own.
    pub fallback: Option<PathBuf>,
    /// Arguments of `memdump.install`, by name.
    pub arguments: Vec<(String, Value)>,
}

/// Names of the files in the directory through which the target is told.
pub(crate) const ERRAND: &str = "errand";
pub(crate) const CALL: &str = "call";

/// How every call begins, and by which it is recognised.
const CALL_HEAD: &str =
    "try:__import__('_thread').start_new_thread(__import__('builtins').exec,(\"";
const CALL_DIRECTORY: &str = "f=__import__('os').open('";
/// How every call ends.
const CALL_END: &str = "except(OSError,RuntimeError,MemoryError):pass\n\0";
/// What a directory for an errand is called, before its number.
pub(crate) const PREFIX: &str = "memdump-attach-";

/// The call that has the errand of a directory run, as a C string, its length a multiple of 8.
///
/// Files of other users are not run: the directory's name may have been seen by others, once it is gone.
pub(crate) fn call(directory: &str) -> Vec<u8> {
    let mut text = format!(
        "{CALL_HEAD}import os\\n\
         try:\\n \
         {CALL_DIRECTORY}{directory}/{ERRAND}',0)\\n \
         os.fstat(f).st_uid in(0,os.geteuid())and exec(open(f,'rb').read())\\n\
         except OSError:pass\",{{}}))\n\
         {CALL_END}"
    )
    .into_bytes();
    text.resize(text.len().next_multiple_of(8), 0);
    text
}

/// The room that any call needs.
pub(crate) const CALL_LENGTH: usize = 400;

/// The directory that a call was made for, if these bytes are one.
pub(crate) fn directory_of_call(bytes: &[u8]) -> Option<String> {
    let end = bytes.iter().position(|&byte| byte == 0)?;
    let text = std::str::from_utf8(&bytes[..end]).ok()?;
    let (_, rest) = text.split_once(CALL_DIRECTORY)?;
    let (directory, _) = rest.split_once(&format!("/{ERRAND}'"))?;
    // Only a whole call is one: nothing of it may have been overwritten.
    call(directory)
        .starts_with(&bytes[..end])
        .then(|| directory.to_owned())
}

/// Whether these bytes have the end of a call in them.
pub(crate) fn has_end_of_call(bytes: &[u8]) -> bool {
    bytes
        .windows(CALL_END.len())
        .any(|window| window == CALL_END.as_bytes())
}

/// The name of the file in which the errand's outcome is written down.
pub(crate) fn outcome_name(token: &str) -> String {
    format!("outcome-{token}")
}

/// The errand: a Python program.
pub(crate) fn errand(directory: &str, token: &str, installation: &Installation) -> String {
    let path = |path: &Option<PathBuf>| path.as_deref().map_or("None".to_owned(), python_path);
    let arguments: Vec<_> = installation
        .arguments
        .iter()
        .map(|(name, value)| format!("'{name}': {}", python(value)))
        .collect();
    ERRAND_TEXT
        .replace("@DIRECTORY@", &python_bytes(directory.as_bytes()))
        .replace("@TOKEN@", &python_bytes(token.as_bytes()))
        .replace("@PACKAGE@", &path(&installation.package))
        .replace("@FALLBACK@", &path(&installation.fallback))
        .replace("@ARGUMENTS@", &format!("{{{}}}", arguments.join(", ")))
}

const ERRAND_TEXT: &str = include_str!("errand.py");

fn python(value: &Value) -> String {
    match value {
        Value::Text(text) => format!("{}.decode()", python_bytes(text.as_bytes())),
        Value::Path(path) => format!("__import__('os').fsdecode({})", python_path(path)),
        Value::Integer(number) => number.to_string(),
        Value::Seconds(seconds) => format!("{seconds:?}"),
        Value::Flag(true) => "True".to_owned(),
        Value::Flag(false) => "False".to_owned(),
    }
}

fn python_path(path: &Path) -> String {
    python_bytes(path.as_os_str().as_bytes())
}

/// A bytes literal. The sign by which the errand's gaps are marked is escaped, too.
fn python_bytes(bytes: &[u8]) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b" /._-+:,=".contains(&byte);
    let text: String = bytes
        .iter()
        .map(|&byte| match byte {
            byte if plain(byte) => char::from(byte).to_string(),
            byte => format!("\\x{byte:02x}"),
        })
        .collect();
    format!("b'{text}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIRECTORY: &str = "/var/tmp/memdump-attach-0123456789abcdef";

    #[test]
    fn a_call_is_known_by_its_whole_text() {
        let call = call(DIRECTORY);
        assert!(
            call.len() <= CALL_LENGTH && call.len().is_multiple_of(8),
            "{}",
            call.len()
        );
        assert_eq!(directory_of_call(&call).as_deref(), Some(DIRECTORY));
        for damaged in [10, 120, 200, call.len() - 12] {
            let mut other = call.clone();
            other[damaged] ^= 1;
            assert_ne!(
                directory_of_call(&other).as_deref(),
                Some(DIRECTORY),
                "byte {damaged}"
            );
        }
        assert_eq!(directory_of_call(&[0; 400]), None);
        assert_eq!(directory_of_call(&[b'x'; 400]), None);
    }

    #[test]
    fn arguments_are_literals_whatever_they_are() {
        let installation = Installation {
            package: Some("/opt/it's @TOKEN@".into()),
            fallback: None,
            arguments: vec![
                ("name".to_owned(), Value::Text("a\"\\\n'ü".to_owned())),
                ("keep".to_owned(), Value::Integer(5)),
                ("deadline".to_owned(), Value::Seconds(0.5)),
                ("labels".to_owned(), Value::Flag(false)),
            ],
        };
        let text = errand(DIRECTORY, "77", &installation);
        assert!(
            text.contains(r"b'/opt/it\x27s \x40TOKEN\x40', None, {'name': "),
            "{text}"
        );
        assert!(text.contains(r"b'a\x22\x5c\x0a\x27\xc3\xbc'.decode(), 'keep': 5, 'deadline': 0.5, 'labels': False}"), "{text}");
        assert!(!text.contains('@'), "{text}");
    }
}
