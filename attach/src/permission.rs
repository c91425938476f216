//! Why the kernel does not let one process look into another, and what helps.

use std::fs;

/// CAP_SYS_PTRACE, as a bit of the capability sets in `/proc/self/status`.
const SYS_PTRACE: u64 = 1 << 19;

/// The cure for EPERM and EACCES on a process that runs as `target_user`.
pub(crate) fn cure(pid: u32, target_user: u32) -> String {
    let own = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let facts = Facts {
        user: rustix::process::geteuid().as_raw(),
        target_user,
        capable: capabilities(&own) & SYS_PTRACE != 0,
        seccomp: field(&own, "Seccomp:") == Some("2"),
        scope: fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope")
            .ok()
            .and_then(|scope| scope.trim().parse().ok())
            .unwrap_or(0),
        // Written by Docker and Podman; Kubernetes mounts its token there.
        container: [
            "/.dockerenv",
            "/run/.containerenv",
            "/var/run/secrets/kubernetes.io",
        ]
        .iter()
        .any(|path| fs::exists(path).unwrap_or(false)),
    };
    facts.cure(pid)
}

#[derive(Clone, Copy, Debug)]
struct Facts {
    user: u32,
    target_user: u32,
    capable: bool,
    seccomp: bool,
    scope: u32,
    container: bool,
}

const CONTAINER: &str = "In a container give the tool the capability: `docker run --cap-add SYS_PTRACE …`, or run it beside \
    the container: `docker run --rm -it --pid container:NAME --cap-add SYS_PTRACE IMAGE memdump attach PID`, `kubectl debug -it \
    POD --image IMAGE --target CONTAINER --profile sysadmin`; or attach from the host, by the pid that the process has there";

impl Facts {
    fn cure(self, pid: u32) -> String {
        if self.scope >= 3 {
            return "this kernel forbids it to everybody until it is started anew (kernel.yama.ptrace_scope = 3); start the \
                    program with `python -m memdump run …`, or call memdump.install() in it"
                .to_owned();
        }
        if self.user != 0 && self.user != self.target_user {
            return format!("it belongs to another user; run `sudo memdump attach {pid}`");
        }
        if self.container || (self.user == 0 && !self.capable) {
            return CONTAINER.to_owned();
        }
        if self.user == 0 {
            let seccomp = if self.seccomp {
                "a seccomp filter"
            } else {
                "a security module (SELinux, AppArmor), or a user namespace,"
            };
            return format!("{seccomp} forbids it even to root here; attach from outside of it");
        }
        if self.scope > 0 {
            return format!(
                "kernel.yama.ptrace_scope = {} allows it to root only; run `sudo memdump attach {pid}`, or allow it until the next \
                 start: `sudo sysctl kernel.yama.ptrace_scope=0`",
                self.scope
            );
        }
        format!(
            "it has more rights than this command, or guards itself (PR_SET_DUMPABLE); run `sudo memdump attach {pid}`"
        )
    }
}

fn capabilities(status: &str) -> u64 {
    field(status, "CapEff:")
        .and_then(|value| u64::from_str_radix(value, 16).ok())
        .unwrap_or(0)
}

fn field<'s>(status: &'s str, name: &str) -> Option<&'s str> {
    let value = status.lines().find_map(|line| line.strip_prefix(name))?;
    Some(value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: Facts = Facts {
        user: 1000,
        target_user: 1000,
        capable: false,
        seccomp: false,
        scope: 0,
        container: false,
    };

    #[test]
    fn each_obstacle_has_its_own_cure() {
        let cure = |facts: Facts| facts.cure(77);
        assert!(cure(Facts { scope: 1, ..USER }).contains("sysctl kernel.yama.ptrace_scope=0"));
        assert!(cure(Facts { scope: 3, ..USER }).contains("python -m memdump run"));
        let other = cure(Facts {
            target_user: 33,
            ..USER
        });
        assert!(other.contains("another user") && other.contains("sudo memdump attach 77"));
        let container = cure(Facts {
            user: 0,
            container: true,
            ..USER
        });
        assert!(container.contains("--cap-add SYS_PTRACE") && container.contains("kubectl debug"));
        assert!(cure(Facts { user: 0, ..USER }).contains("--cap-add SYS_PTRACE"));
        let guarded = Facts {
            user: 0,
            capable: true,
            seccomp: true,
            ..USER
        };
        assert!(cure(guarded).contains("seccomp"));
        assert!(cure(USER).contains("PR_SET_DUMPABLE"));
    }

    #[test]
    fn capabilities_are_read_from_the_status_file() {
        let status = "Name:\tx\nCapEff:\t0000000000080000\nSeccomp:\t2\n";
        assert_eq!(capabilities(status), SYS_PTRACE);
        assert_eq!(field(status, "Seccomp:"), Some("2"));
        assert_eq!(capabilities("Name:\tx\n"), 0);
    }
}
