import { type DynamicModule, Module } from '@nestjs/common';
import { PLATFORMS, type Platforms } from './platforms.js';

@Module({})
// biome-ignore lint/complexity/noStaticOnlyClass: a class is what Nest knows a module by.
export class PlatformsModule {
  /** What the application talks to, for all of its modules. */
  static of(platforms: Platforms): DynamicModule {
    return {
      module: PlatformsModule,
      global: true,
      providers: [{ provide: PLATFORMS, useValue: platforms }],
      exports: [PLATFORMS],
    };
  }
}
