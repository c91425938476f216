#[global_allocator]
static ALLOCATOR: memdump::Heap = memdump::Heap::system();

fn main() {
    memdump::install().expect("an installation");
    rust_service::run();
}
