// Builds customers with orders, and writes three snapshots of the heap: before a leak, after it, and once more.
// Usage: node orders.js CUSTOMERS LEAKED DIRECTORY.
"use strict";

const v8 = require("node:v8");

const ORDERS_EACH = 9;

class Customer {
  constructor(number) {
    this.name = `customer ${number}!`.slice(0, -1);
    this.orders = new Map();
  }
}

class Order {
  constructor(number, customer, previous) {
    this.name = `order ${number}!`.slice(0, -1);
    this.lines = [number + 0.5, this];
    this.customer = customer;
    this.previous = previous;
    this.next = null;
  }
}

class SomeRef {
  constructor(number) {
    this.lines = [number + 0.5];
  }
}

const [customers, leaked, directory] = [Number(process.argv[2]), Number(process.argv[3]), process.argv[4]];

globalThis.customers = [];
globalThis.cache = [];
let previous = null;
for (let number = 0; number < customers; number++) {
  const customer = new Customer(number);
  for (let index = 0; index < ORDERS_EACH; index++) {
    const key = number * 10 + index;
    const order = new Order(key, customer, previous);
    if (previous !== null) previous.next = order;
    customer.orders.set(key, order);
    previous = order;
  }
  globalThis.customers.push(customer);
}

v8.writeHeapSnapshot(`${directory}/baseline.heapsnapshot`);
for (let number = 0; number < leaked; number++) globalThis.cache.push(new SomeRef(number));
v8.writeHeapSnapshot(`${directory}/target.heapsnapshot`);
v8.writeHeapSnapshot(`${directory}/final.heapsnapshot`);
