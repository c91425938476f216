//! Other handlers of the same signal.

use crate::toy::Toy;

#[test]
fn a_handler_that_stood_there_still_runs() {
    let mut toy = Toy::new(&[]);
    toy.tell("handle second");
    toy.tell("install");
    toy.dump();
    assert_eq!(toy.tell("handled"), "first=0 second=1 children=0");
    // It had asked for system calls to be interrupted.
    assert_eq!(toy.tell("flags"), "restart=false");
}

#[test]
fn without_a_handler_system_calls_go_on() {
    let mut toy = Toy::installed(&[]);
    assert_eq!(toy.tell("flags"), "restart=true");
}

#[test]
fn a_handler_that_takes_the_signal_away_is_noticed_and_chained() {
    for (kind, counts) in [
        ("first", "first=2 second=0 children=0"),
        ("second", "first=0 second=2 children=0"),
    ] {
        let mut toy = Toy::installed(&[]);
        assert!(toy.tell("status").starts_with("taken_away=false"));
        toy.tell(&format!("handle {kind}"));
        assert!(toy.tell("status").starts_with("taken_away=true"));
        toy.signal(libc::SIGUSR1);
        toy.tell("status");
        assert_eq!(toy.tell("install"), "ok");
        assert!(toy.tell("status").starts_with("taken_away=false"));
        toy.dump();
        assert_eq!(toy.tell("handled"), counts);
        assert_eq!(toy.tell("flags"), "restart=false");
        assert_eq!(
            toy.files().len(),
            1,
            "what came while it was away made no dump"
        );
    }
}

#[test]
fn an_ignored_signal_is_taken_back_without_calling_anything() {
    let mut toy = Toy::installed(&[]);
    toy.tell("handle ignore");
    assert!(toy.tell("status").starts_with("taken_away=true"));
    toy.tell("install");
    toy.dump();
}

#[test]
fn a_handler_that_calls_ours_and_is_called_by_ours_ends() {
    let mut toy = Toy::installed(&[]);
    for round in 1..=3 {
        toy.tell("handle chaining");
        toy.tell("install");
        toy.dump();
        assert_eq!(
            toy.tell("handled"),
            format!("first=0 second={round} children=0")
        );
    }
}

#[test]
fn a_handler_before_and_the_same_one_later_runs_once() {
    let mut toy = Toy::new(&[]);
    toy.tell("handle first");
    toy.tell("install");
    toy.tell("handle first");
    toy.tell("install");
    toy.dump();
    assert_eq!(toy.tell("handled"), "first=1 second=0 children=0");
}

#[test]
fn another_signal_by_its_name() {
    let toy = Toy::installed(&[("MEMDUMP_SIGNAL", "SIGRTMIN+3")]);
    toy.signal(libc::SIGRTMIN() + 3);
    toy.wait_for("end", 1);
}
