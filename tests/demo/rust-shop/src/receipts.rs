//! Receipts of orders that were charged. The leak: there is no end to them.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, RwLock};

static RECEIPTS: LazyLock<RwLock<HashMap<u64, Arc<Receipt>>>> = LazyLock::new(RwLock::default);

pub struct Receipt {
    pub order: u64,
    pub text: String,
    pub lines: Vec<Line>,
}

pub struct Line {
    pub name: Box<str>,
    pub cents: u64,
}

impl Receipt {
    pub fn of(order: u64) -> Arc<Receipt> {
        let lines: Vec<Line> = (1..=3)
            .map(|number| Line {
                name: format!("thing {number} of order {order}").into(),
                cents: number * 100,
            })
            .collect();
        let sum: u64 = lines.iter().map(|line| line.cents).sum();
        Arc::new(Receipt {
            order,
            text: format!("order {order}: {sum} cents"),
            lines,
        })
    }
}

pub fn keep(receipt: Arc<Receipt>) {
    RECEIPTS.write().unwrap().insert(receipt.order, receipt);
}
