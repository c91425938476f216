#[global_allocator]
static ALLOCATOR: memdump::Heap<mimalloc::MiMalloc> = memdump::Heap::around(mimalloc::MiMalloc);

fn main() {
    memdump::install().expect("an installation");
    rust_service::run();
}
