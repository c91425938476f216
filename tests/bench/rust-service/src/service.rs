//! A service like many: takes orders as JSON, keeps the last thousands of them in a map that all threads share, and answers with JSON.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use dashmap::DashMap;
use serde::{Deserialize, Serialize};

/// Orders that are kept; the oldest goes for each new one.
const KEPT: u64 = 20_000;

#[derive(Deserialize)]
struct Order {
    customer: String,
    items: Vec<Item>,
    notes: BTreeMap<String, String>,
}

#[derive(Clone, Deserialize, Serialize)]
struct Item {
    name: String,
    tags: Vec<String>,
    price: u32,
    count: u32,
}

#[derive(Serialize)]
struct Receipt {
    number: u64,
    customer: String,
    total: u64,
    items: Vec<Item>,
}

#[derive(Default)]
struct Shop {
    orders: DashMap<u64, Arc<Order>>,
    next: AtomicU64,
}

async fn order(State(shop): State<Arc<Shop>>, Json(order): Json<Order>) -> Json<Receipt> {
    let order = Arc::new(order);
    let number = shop.next.fetch_add(1, Relaxed);
    shop.orders.insert(number, Arc::clone(&order));
    if let Some(oldest) = number.checked_sub(KEPT) {
        shop.orders.remove(&oldest);
    }
    Json(Receipt {
        number,
        customer: format!("{} ({} notes)", order.customer, order.notes.len()),
        total: order
            .items
            .iter()
            .map(|item| u64::from(item.price) * u64::from(item.count))
            .sum(),
        items: order.items.clone(),
    })
}

/// Until standard input ends.
pub fn serve() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        println!("{}", listener.local_addr().expect("an address").port());
        let service = Router::new()
            .route("/orders", post(order))
            .with_state(Arc::new(Shop::default()));
        tokio::spawn(async move { axum::serve(listener, service).await });
        // The process ends with its parent, whatever becomes of that.
        tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()))
            .await
            .ok();
    });
}
