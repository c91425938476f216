//! What customers have in their carts: those of the last customers only.

use std::collections::VecDeque;
use std::sync::Mutex;

use dashmap::DashMap;

const MOST: usize = 32;

pub struct Carts {
    carts: DashMap<u64, Vec<Item>>,
    /// The customers, the one who has been away for longest first.
    customers: Mutex<VecDeque<u64>>,
}

struct Item {
    name: String,
    _price: u32,
}

impl Carts {
    pub fn new() -> Carts {
        Carts {
            carts: DashMap::new(),
            customers: Mutex::new(VecDeque::new()),
        }
    }

    /// How many things the customer has in the cart then.
    pub fn put_something_in(&self, customer: u64) -> usize {
        let count = {
            let mut cart = self.carts.entry(customer).or_default();
            cart.push(Item {
                name: format!("thing {}", customer % 7),
                _price: 100,
            });
            cart.retain(|item| !item.name.is_empty());
            cart.len()
        };
        let mut customers = self.customers.lock().unwrap();
        customers.retain(|&other| other != customer);
        customers.push_back(customer);
        if customers.len() > MOST
            && let Some(away) = customers.pop_front()
        {
            self.carts.remove(&away);
        }
        count
    }
}
