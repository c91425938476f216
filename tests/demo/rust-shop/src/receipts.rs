//! Receipts of orders that were charged. The leak: there is no end to them.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, RwLock};

static RECEIPTS: LazyLock<RwLock<HashMap<u64, Arc<Receipt>>>> = LazyLock::new(RwLock::default);

pub struct Receipt {
    pub order: u64,
    title: String,
    lines: Vec<Line>,
}

struct Line {
    name: Box<str>,
    cents: u64,
}

impl Receipt {
    pub fn of(order: u64) -> Arc<Receipt> {
        let line = |number: u64| Line {
            name: format!("thing {number} of order {order}").into(),
            cents: number * 100,
        };
        Arc::new(Receipt {
            order,
            title: format!("order {order}"),
            lines: (1..=3).map(line).collect(),
        })
    }

    pub fn print(&self) -> String {
        let lines = self
            .lines
            .iter()
            .map(|Line { name, cents }| format!("{name}: {cents} cents\n"));
        format!("{}\n{}", self.title, lines.collect::<String>())
    }
}

pub fn keep(receipt: Arc<Receipt>) {
    RECEIPTS.write().unwrap().insert(receipt.order, receipt);
}
