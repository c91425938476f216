//! What happened lately, counted by a task in the background.

use std::collections::BTreeMap;

use tokio::sync::mpsc;

const MOST: usize = 64;

pub enum Event {
    Browsed { customer: u64 },
    Sold { order: u64 },
}

#[derive(Clone)]
pub struct Events(mpsc::Sender<Event>);

impl Events {
    pub async fn tell(&self, event: Event) {
        let _ = self.0.send(event).await;
    }
}

/// Starts the task that counts.
pub fn collect() -> Events {
    let (sender, mut events) = mpsc::channel(256);
    tokio::spawn(async move {
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        while let Some(event) = events.recv().await {
            let of = match event {
                Event::Browsed { customer } => format!("customers {}", customer % 100),
                Event::Sold { order } => format!("orders {}", order % 100),
            };
            *counts.entry(of).or_default() += 1;
            if counts.len() > MOST {
                counts.pop_first();
            }
        }
    });
    Events(sender)
}
