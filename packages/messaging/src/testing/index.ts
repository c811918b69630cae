export { createVirtualTime, type VirtualTime } from './virtual-time.ts';
export { createInMemoryBus, type BusFaults, type InMemoryBus, type InMemoryBusOptions, type InMemoryConsumer } from './memory-bus.ts';
export { createMemoryDeadLetters } from './memory-dead-letters.ts';
export { seededRandom } from './random.ts';
