// Sends one of each call with the real SDK: node send.mjs HOST WRITE_KEY
import { Analytics } from "@segment/analytics-node";

const [host, writeKey] = process.argv.slice(2);
const analytics = new Analytics({ writeKey, host, flushAt: 4, maxRetries: 5 });
const errors = [];
analytics.on("error", (error) => errors.push(error));

const page = { url: "https://shop.example/p/1?utm_source=weibo&gclid=G1", title: "商品" };
analytics.identify({ userId: "u1", anonymousId: "a1", traits: { email: "li@example.com", name: "李雷" } });
analytics.track({ userId: "u1", event: "Product Viewed", properties: { price: 18.99 }, context: { page } });
analytics.track({ anonymousId: "a1", event: "Order Completed", timestamp: new Date("2024-06-18T00:00:00Z"),
  properties: { order_id: "o1", total: 25, products: [{ product_id: "p1", price: 12.5, quantity: 2 }] } });
analytics.page({ userId: "u1", category: "Docs", name: "Home", properties: { path: "/" } });
analytics.screen({ userId: "u1", name: "Cart" });
analytics.group({ userId: "u1", groupId: "g1", traits: { name: "Acme" } });
analytics.alias({ userId: "u1", previousId: "a1" });
for (let n = 0; n < 50; n++) analytics.track({ userId: "u1", event: "Counted", properties: { n } });
await analytics.closeAndFlush({ timeout: 20000 });
if (errors.length) {
  console.error(errors);
  process.exit(1);
}
