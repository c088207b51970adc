// The hand of a shim: one process that does for a session's commands what else takes a process each. Perl, where the target has it; the shim can do without.
// 1. It does what the shim's own functions do, with the same files and in the same order: a status is synced before it gets its name.
// 2. It says "ok" when it has done a thing; whatever else the shim hears, or that the hand is gone, and it does the thing itself.
// 3. It outlives the shim only as long as somebody has an end of the pipes, or a command's time is not over.
// 4. No "$" followed by "{" in it (this is a template).

/** The third program: argument 2 of the shim. Its arguments are the shim's pid, base and scratch directory; it is asked on stdin and answers on stdout. */
export const SHIM_HAND = String.raw`
use strict;
require IO;
require Fcntl;
my ($main, $base, $tmp) = @ARGV;
my $open_for_reading = Fcntl::O_RDONLY() | Fcntl::O_NONBLOCK();
my $open_for_writing = Fcntl::O_WRONLY() | Fcntl::O_CREAT() | Fcntl::O_TRUNC();
$SIG{$_} = "IGNORE" for qw(PIPE HUP INT);
# The clock that nobody sets. Without it nothing here can be timed, and the shim has to.
open my $uptime, "<", "/proc/uptime" or exit;
sub now { sysseek $uptime, 0, 0; sysread $uptime, my $text, 64; return $text + 0 }
open my $lock, ">>", "$tmp/lock" or exit;
flock $lock, 6 or exit;
my ($run, $asked) = (undef, "");
say_to_shim("ok");

while (1) {
  my ($bits, $time) = ("", 5);
  vec($bits, 0, 1) = 1;
  if ($run) {
    for my $stream (values %{$run->{streams}}) { vec($bits, fileno $stream->{pipe}, 1) = 1 if $stream->{pipe} }
    my $next = $run->{next};
    $time = $next - now() if defined $next && $next - now() < $time;
  }
  my $count = select $bits, undef, undef, $time < 0 ? 0 : $time;
  my $is_heard = 0;
  if ($count > 0 && $run) {
    for my $stream (values %{$run->{streams}}) { $is_heard += hear($stream) if $stream->{pipe} && vec($bits, fileno $stream->{pipe}, 1) }
  }
  obey() if $count > 0 && vec $bits, 0, 1;
  if ($run && $run->{kind}) {
    my $has_ended = !grep { $_->{pipe} } values %{$run->{streams}};
    my $waited = now() - $run->{ended};
    # What was printed before the end lies in the pipes: it has been read when they are empty once.
    finish($has_ended) if $has_ended || $waited >= 1 && (!$is_heard || $waited >= 60);
  }
  elsif ($run && defined $run->{next} && now() >= $run->{next}) { $run->{step}->() }
  exit if getppid() != $main && !($run && (defined $run->{next} || grep { $_->{pipe} } values %{$run->{streams}}));
}

sub say_to_shim { syswrite STDOUT, "@_\n" }

sub obey {
  sysread STDIN, $asked, 4096, length $asked or return;
  while ($asked =~ s/^(.*)\n//) {
    my ($word, @rest) = split / /, $1;
    if ($word eq "make") { say_to_shim(make_directory(@rest)) }
    elsif ($word eq "begin") { say_to_shim(begin(@rest)) }
    elsif ($word eq "end" && $run) {
      @$run{qw(kind code ended)} = (@rest, now());
      $run->{next} = $run->{ended} + 1;
    }
    else { say_to_shim("no") }
  }
}

sub make_directory {
  my ($key) = @_;
  my ($shard) = split m(/), $key;
  mkdir "$base/$shard";
  mkdir "$base/$key";
  return -d "$base/$key" ? "ok" : "no";
}

sub begin {
  my ($key, $n, $max, $time, $grace) = @_;
  my $dir = $key eq "-" ? $tmp : "$base/$key";
  my %new = (key => $key, dir => $dir, n => $n, max => $max, grace => $grace, kind => "", step => \&end_group, next => now() + $time);
  for (["out", "o", $max + 1], ["err", "e", $max]) {
    my ($name, $pipe, $kept_max) = @$_;
    my $file = "$dir/$n.$name";
    truncate $file, 0 or return "no" if -e $file;
    sysopen my $from, "$tmp/$pipe", $open_for_reading or return "no";
    $new{streams}{$name} = { pipe => $from, file => $file, kept_max => $kept_max, kept => 0, end => "", end_max => $name eq "err" ? $max + 1 : 0 };
  }
  $run = \%new;
  return "ok";
}

# Keeps the beginning of stdout, the beginning and the end of stderr, and swallows the rest. What is of the beginning is on disk at once.
sub hear {
  my ($stream) = @_;
  my $length = sysread $stream->{pipe}, my $text, 65536;
  return 0 if !defined $length;
  if ($length == 0) { close $stream->{pipe}; delete $stream->{pipe}; return 0 }
  my $room = $stream->{kept_max} - $stream->{kept};
  keep($stream, substr $text, 0, $room) if $room > 0;
  if ($length > $room && $stream->{end_max}) {
    $stream->{end} .= $room > 0 ? substr $text, $room : $text;
    $stream->{end} = substr $stream->{end}, -$stream->{end_max} if length $stream->{end} > $stream->{end_max};
  }
  return 1;
}

sub keep {
  my ($stream, $text) = @_;
  if (!$stream->{to}) { sysopen $stream->{to}, $stream->{file}, $open_for_writing or return }
  for (my $at = 0; $at < length $text; ) {
    my $length = syswrite $stream->{to}, $text, length($text) - $at, $at or return;
    $at += $length;
    $stream->{kept} += $length;
  }
}

# The command's time is over: ends its group, if it is still the one that has the lock. The mark comes first: a command that is only just
# starting sees it instead of the signal. The holder may have to be waited for.
sub end_group {
  delete $run->{next};
  if ($run->{key} ne "-") {
    open my $other, ">>", "$run->{dir}/lock" or return;
    return if flock $other, 6;
  }
  open my $mark, ">", "$run->{dir}/$run->{n}.timeout";
  my $tries = 50;
  $run->{step} = sub {
    delete $run->{next};
    open my $holder, "<", "$run->{dir}/holder" or return;
    my ($who, $pid) = (<$holder> // "") =~ /^(\d+) (\d+)\n/;
    if (!$pid || $who ne $run->{n}) {
      $run->{next} = now() + 0.02 if $tries-- > 0;
      return;
    }
    kill "TERM", -$pid;
    $run->{next} = now() + $run->{grace};
    $run->{step} = sub { delete $run->{next}; kill "KILL", -$pid };
  };
  $run->{step}->();
}

# The command has ended, and its output is in: writes the status of a run, and says how much was kept. Whoever still has an end of the pipes is
# listened to until it ends, and then so does the hand, which is no one's any more.
sub finish {
  my ($has_ended) = @_;
  my ($out, $err) = @{$run->{streams}}{qw(out err)};
  keep($err, $err->{end}) if length $err->{end};
  my @sizes = $run->{kind} eq "cancelled" ? (0, 0) : ($out->{kept}, $err->{kept});
  my $is_kept = $run->{key} eq "-" || keep_status("$run->{kind} $run->{code} @sizes .\n");
  $err->{end_max} = 0;
  $_->{kept_max} = 0 for $out, $err;
  delete $run->{next};
  say_to_shim($is_kept ? "ok" : "no", @sizes, $has_ended ? "whole" : "late");
  if ($has_ended) { undef $run } else { $main = 0; delete $run->{kind} }
}

sub keep_status {
  my ($text) = @_;
  my $name = "$run->{dir}/$run->{n}";
  sysopen my $file, "$name.tmp", $open_for_writing or return 0;
  return 0 if (syswrite $file, $text) != length $text;
  for my $to ($file, map { $_->{to} // () } values %{$run->{streams}}) { IO::Handle::sync($to) or return 0 }
  return rename "$name.tmp", "$name.status";
}
`;
