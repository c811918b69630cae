import { Module } from '@nestjs/common';
import type { Clock } from '@rappel/contracts';
import type { EventStore } from '@rappel/event-store';
import type { DeadLetters } from '@rappel/messaging';
import { subjectAccessFile, type Vault } from '@rappel/privacy';
import { CLOCK, CONFIG, consuming, DEAD_LETTERS, dueRulesOf, everyDay, infrastructure, LOGGER, relaying, SHUTDOWN, STORE, VAULT, type Logger, type Shutdown } from '@rappel/service-kit';
import { BorrowersController } from './borrower/borrowers.controller.ts';
import { createBorrowers, type Borrowers } from './borrower/commands.ts';
import { PrivacyController, type SubjectAccess } from './borrower/privacy.controller.ts';
import { createRetention, type Retention } from './borrower/retention.ts';
import type { LoanConfig } from './config.ts';
import { announce } from './loan/announce.ts';
import { AttributionsController } from './loan/attributions.controller.ts';
import { createLoans } from './loan/commands.ts';
import { aboutOf } from './loan/inbound.ts';
import { LoanController } from './loan/loan.controller.ts';
import { BORROWERS, LOANS, RETENTION, SUBJECT_ACCESS } from './tokens.ts';

@Module({
  controllers: [LoanController, AttributionsController, BorrowersController, PrivacyController],
  providers: [
    ...infrastructure,
    consuming(
      { stream: 'INBOUND', durable: 'loan-inbound', concurrency: 512, createStream: true, requests: true, about: aboutOf },
      { stream: 'SCHEDULER', durable: 'loan' },
    ),
    relaying({ name: 'loan', stream: 'LOAN', categories: ['attribution'], announce }),
    {
      provide: BORROWERS,
      useFactory: (store: EventStore, vault: Vault, clock: Clock) => createBorrowers({ store, vault, clock }),
      inject: [STORE, VAULT, CLOCK],
    },
    {
      provide: LOANS,
      useFactory: (store: EventStore, borrowers: Borrowers, clock: Clock, config: LoanConfig) => createLoans({
        store, borrowers, clock,
        rules: dueRulesOf(config),
      }),
      inject: [STORE, BORROWERS, CLOCK, CONFIG],
    },
    {
      provide: SUBJECT_ACCESS,
      useFactory: (store: EventStore, vault: Vault, deadLetters: DeadLetters, clock: Clock): SubjectAccess =>
        (borrowerId) => subjectAccessFile(borrowerId, { store, vault, deadLetters, at: clock.now() }),
      inject: [STORE, VAULT, DEAD_LETTERS, CLOCK],
    },
    {
      provide: RETENTION,
      useFactory: (...[store, vault, clock, config, logger, shutdown]: [EventStore, Vault, Clock, LoanConfig, Logger, Shutdown]): Retention => {
        const retention = createRetention({ store, vault, clock, days: config.RAPPEL_RETENTION_DAYS, deadLetterDays: config.RAPPEL_DEAD_LETTER_DAYS });
        shutdown.add('workers', 'retention', everyDay('retention run', () => retention({ dryRun: false }), logger));
        return retention;
      },
      inject: [STORE, VAULT, CLOCK, CONFIG, LOGGER, SHUTDOWN],
    },
  ],
})
export class AppModule {}
