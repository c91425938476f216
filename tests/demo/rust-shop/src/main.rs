//! A shop with a leak: receipts are kept so that no order is charged twice, and nobody ever throws one away. Carts and statistics are
//! bounded, and no suspects.

mod carts;
mod receipts;
mod statistics;

use axum::extract::{Query, State};
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;

use crate::carts::Carts;
use crate::receipts::Receipt;
use crate::statistics::{Event, Events};

#[global_allocator]
static HEAP: memdump::Heap = memdump::Heap::system();

#[derive(Clone)]
struct Shop {
    carts: &'static Carts,
    events: Events,
}

#[derive(Deserialize)]
struct Browse {
    customer: u64,
}

#[derive(Deserialize)]
struct Checkout {
    order: u64,
}

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    memdump::install()?;
    let shop = Shop {
        carts: Box::leak(Box::new(Carts::new())),
        events: statistics::collect(),
    };
    let routes = Router::new()
        .route("/browse", get(browse))
        .route("/checkout", get(checkout))
        .with_state(shop);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("listening {}", listener.local_addr()?.port());
    axum::serve(listener, routes)
        .with_graceful_shutdown(async {
            let _ = tokio::signal::ctrl_c().await;
        })
        .await?;
    Ok(())
}

async fn browse(
    State(shop): State<Shop>,
    Query(Browse { customer }): Query<Browse>,
) -> Json<usize> {
    shop.events.tell(Event::Browsed { customer }).await;
    Json(shop.carts.put_something_in(customer))
}

async fn checkout(
    State(shop): State<Shop>,
    Query(Checkout { order }): Query<Checkout>,
) -> Json<String> {
    let receipt = Receipt::of(order);
    shop.events.tell(Event::Sold { order }).await;
    let text = receipt.print();
    // Only orders that are paid by card can be charged twice.
    if order % 10 == 0 {
        receipts::keep(receipt);
    }
    Json(text)
}
