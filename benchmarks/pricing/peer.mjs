// Medusa's own computeActions over promotions held in memory: its service's method with the database's answers handed to it.
// Usage: node peer.mjs <cases.json> <rounds>; prints JSON: milliseconds of processor time of each call, and what each cart loses.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const require = createRequire(process.cwd() + "/");
const { default: Service } = require("@medusajs/promotion/dist/services/promotion-module.js");
const { books } = JSON.parse(readFileSync(process.argv[2], "utf8"));
const rounds = Number(process.argv[3]);

const times = [];
const totals = [];
for (const { promotions, carts } of books) {
  const self = {
    listActivePromotions_: async () => promotions,
    promotionService_: { list: async () => promotions.map(({ id }) => ({ id })) },
    baseRepository_: { getFreshManager: () => ({}) },
  };
  const codes = promotions.map((p) => p.code);
  for (const cart of carts) {
    let actions;
    for (let i = 0; i < rounds; i++) {
      const context = structuredClone(cart);
      const start = process.cpuUsage();
      actions = await Service.prototype.computeActions.call(self, codes, context, { prevent_auto_promotions: true });
      const { user, system } = process.cpuUsage(start);
      times.push((user + system) / 1000);
    }
    totals.push(actions.reduce((sum, a) => sum + Number(a.amount ?? 0), 0));
  }
}
console.log(JSON.stringify({ times, totals }));
