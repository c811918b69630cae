import { Module } from '@nestjs/common';
import type { Clock } from '@rappel/contracts';
import type { EventStore } from '@rappel/event-store';
import type { Vault } from '@rappel/privacy';
import { CLOCK, CONFIG, consuming, infrastructure, STORE, VAULT } from '@rappel/service-kit';
import { BorrowersController } from './borrower/borrowers.controller.ts';
import { createBorrowers, type Borrowers } from './borrower/commands.ts';
import type { LoanConfig } from './config.ts';
import { AttributionsController } from './loan/attributions.controller.ts';
import { createLoans } from './loan/commands.ts';
import { LoanController } from './loan/loan.controller.ts';
import { BORROWERS, LOANS } from './tokens.ts';

@Module({
  controllers: [LoanController, AttributionsController, BorrowersController],
  providers: [
    ...infrastructure,
    consuming(
      { stream: 'INBOUND', durable: 'loan-inbound', createStream: true, requests: true },
      { stream: 'SCHEDULER', durable: 'loan' },
    ),
    {
      provide: BORROWERS,
      useFactory: (store: EventStore, vault: Vault, clock: Clock) => createBorrowers({ store, vault, clock }),
      inject: [STORE, VAULT, CLOCK],
    },
    {
      provide: LOANS,
      useFactory: (store: EventStore, borrowers: Borrowers, clock: Clock, config: LoanConfig) => createLoans({
        store, borrowers, clock,
        rules: {
          closing: config.RAPPEL_CLOSING_HOUR,
          zoneOf: (department) => config.RAPPEL_DEPARTMENT_ZONES[department ?? ''] ?? config.RAPPEL_DEFAULT_ZONE,
        },
      }),
      inject: [STORE, BORROWERS, CLOCK, CONFIG],
    },
  ],
})
export class AppModule {}
