import com.sun.management.HotSpotDiagnosticMXBean;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.HashMap;

/** Builds customers with orders, OBJECTS in all, and writes the heap to a file. Usage: java Orders.java OBJECTS FILE. */
final class Orders {
    static final int ORDERS_EACH = 9;

    /** Objects of a customer: itself, its name (2), its map (2), and 7 of each order. */
    static final int OBJECTS_EACH = 5 + 7 * ORDERS_EACH;

    /** References of a customer, that of each object to its class included. */
    static final int REFERENCES_EACH = 18 + 18 * ORDERS_EACH;

    static final ArrayList<Customer> CUSTOMERS = new ArrayList<>();

    static final class Customer {
        final String name;
        final HashMap<Integer, Order> orders = new HashMap<>(16);

        Customer(int number) {
            name = "customer " + number;
        }
    }

    static final class Order {
        final String name;
        final ArrayList<Object> lines = new ArrayList<>(2);
        final Customer customer;
        final Order previous;
        Order next;

        Order(Integer number, Customer customer, Order previous) {
            name = "order " + number;
            lines.add(number);
            lines.add(this);
            this.customer = customer;
            this.previous = previous;
        }
    }

    public static void main(String[] arguments) throws Exception {
        int customers = Integer.parseInt(arguments[0]) / OBJECTS_EACH;
        Order previous = null;
        for (int number = 0; number < customers; number++) {
            Customer customer = new Customer(number);
            for (int index = 0; index < ORDERS_EACH; index++) {
                // Beyond the integers that Java shares.
                Integer key = 1000 + number * 10 + index;
                Order order = new Order(key, customer, previous);
                if (previous != null) {
                    previous.next = order;
                }
                customer.orders.put(key, order);
                previous = order;
            }
            CUSTOMERS.add(customer);
        }
        ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class).dumpHeap(arguments[1], true);
        System.out.printf(
                "{\"objects\": %d, \"references\": %d}%n",
                (long) customers * OBJECTS_EACH, (long) customers * REFERENCES_EACH);
    }
}
